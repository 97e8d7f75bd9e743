"""The results that are kept, one after another: slidegate's CPU time for a request as a share of nginx's."""

import glob
import json
import os

from .plot import HISTORY_COLOURS, line, svg, text

LEFT, TOP, WIDTH, HEIGHT = 56, 60, 760, 260


def ratios(result):
    """case -> median ratio. Earlier results have one list of rows for all loads."""
    summary = result["summary"]
    rows = summary.get("load", []) if isinstance(summary, dict) else summary
    found = {}
    for row in rows:
        ratio = row.get("cpu_us_ratio_to_nginx") or row.get("ratio_to_nginx")
        if row["contender"] == "slidegate" and ratio:
            found[row["case"]] = ratio["median"]
    return found


def read(folder):
    """[(date, ratios)], earliest first."""
    runs = []
    for path in sorted(glob.glob(os.path.join(folder, "2*.json"))):
        with open(path) as source:
            result = json.load(source)
        if found := ratios(result):
            runs.append((result["date"], found))
    return runs


def draw(folder):
    runs = read(folder)
    cases = [case for case in HISTORY_COLOURS if any(case in found for _, found in runs)]
    if not cases:
        return
    greatest = max(1.5, max(found[case] for _, found in runs for case in cases if case in found) * 1.05)
    across = WIDTH / max(len(runs) - 1, 1)

    def at(index, ratio):
        return LEFT + index * across, TOP + HEIGHT * (1 - ratio / greatest)

    parts = [text(LEFT, 24, "slidegate's CPU time for a request, of plain nginx's in the same run", 16, "start", weight="600")]
    for tenths in range(0, int(greatest * 10) + 1, 2):
        _, y = at(0, tenths / 10)
        parts += [line(LEFT, y, LEFT + WIDTH, y, "#222" if tenths == 10 else "#e3e3e3"),
                  text(LEFT - 8, y + 4, f"{tenths / 10:.1f}", 11, "end")]
    for number, case in enumerate(cases):
        colour = HISTORY_COLOURS[case]
        points = [(*at(index, found[case]), found[case]) for index, (_, found) in enumerate(runs) if case in found]
        for (x1, y1, _), (x2, y2, _) in zip(points, points[1:]):
            parts.append(line(x1, y1, x2, y2, colour, 2))
        for x, y, ratio in points:
            parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{colour}'><title>{case} {ratio:.2f}</title></circle>")
        parts.append(text(LEFT + number * 96, 44, f"● {case}", 12, "start", colour))
    for index, (date, _) in enumerate(runs):
        x, _ = at(index, 0)
        parts.append(text(x, TOP + HEIGHT + 18, date[:10] if index in (0, len(runs) - 1) else "·", 10.5))
    with open(os.path.join(folder, "history.svg"), "w") as output:
        output.write(svg(parts, LEFT + WIDTH + 60, TOP + HEIGHT + 34))
