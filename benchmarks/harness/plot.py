"""A run's summaries as SVG: a block of bars for each case, in two columns."""

from html import escape

from . import machine
from .measurements import MEASUREMENTS

# Also told apart by lightness, for those who see no hue.
COLOURS = {
    "nginx": "#5b6770", "nginx-again": "#8d99a2", "haproxy": "#1f6fb2", "caddy": "#4c9f70", "envoy": "#8a5fb0",
    "slidegate": "#d2601a"}
OTHER = "#b08a3e"
HISTORY_COLOURS = {"pass": "#d2601a", "renew": "#1f6fb2", "cold": "#5b6770", "renew-cold": "#8a5fb0", "refuse": "#4c9f70"}
FONT = "font-family='system-ui, sans-serif'"
BLOCK, NAME, BARS, ROW = 540, 110, 290, 18


def text(x, y, content, size=12, anchor="middle", colour="#222", weight="normal"):
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{colour}' font-weight='{weight}'>"
        f"{escape(str(content))}</text>")


def box(x, y, width, height, colour):
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0):.1f}' height='{height:.1f}' fill='{colour}'/>"


def line(x1, y1, x2, y2, colour="#222", width=1.0):
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' stroke-width='{width}'/>"


def svg(parts, width, height):
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' "
        f"height='{height:.0f}' {FONT}>\n<rect width='100%' height='100%' fill='#fff'/>\n" + "\n".join(parts) + "\n</svg>\n")


def block(rows, figure, scale, left, top):
    """One case. Bars much longer than the others' would hide the differences between these: they are cut, with a mark."""
    ratio = f"{figure}_ratio_to_nginx"
    medians = sorted(max(row[figure]["median"], 0) for row in rows)
    reach = min(medians[-1], 4 * medians[len(medians) // 2]) or 1
    parts = [text(left, top + 12, rows[0]["case"], 13, "start", weight="600")]
    for index, row in enumerate(rows):
        y = top + 20 + index * ROW
        value = row[figure]
        start, length = left + NAME, min(max(value["median"], 0) / reach, 1) * BARS
        parts += [text(start - 8, y + 12, row["contender"], 11.5, "end"),
                  box(start, y + 1, length, ROW - 4, COLOURS.get(row["contender"], OTHER))]
        if value["median"] > reach:
            parts.append(line(start + BARS - 14, y + ROW - 2, start + BARS - 6, y, "#fff", 3))
        low, high = (start + min(max(value[end], 0) / reach, 1.03) * BARS for end in ("min", "max"))
        middle = y + ROW / 2 - 1
        parts += [line(low, middle, high, middle), line(low, middle - 3, low, middle + 3),
                  line(high, middle - 3, high, middle + 3)]
        shown = value["median"] * scale
        label = f"{shown:.{0 if shown >= 100 else 2}f}"
        if ratio in row and row["contender"] != "nginx":
            label += f"  ({row[ratio]['median']:.2f} of nginx)"
        parts.append(text(max(start + length, high) + 6, y + 12, label, 11, "start"))
    return parts, 20 + len(rows) * ROW + 14


def draw(result):
    versions = result["machine"]["versions"]
    parts = [text(24, 28, "slidegate beside others", 18, "start", weight="600")]
    at = 24
    for name in dict.fromkeys(row["contender"] for rows in result["summary"].values() for row in rows):
        if name in versions:
            label = f"{name} {versions[name]}"
            parts += [box(at, 40, 12, 12, COLOURS.get(name, OTHER)), text(at + 18, 50, label, 11.5, "start")]
            at += 36 + 6.4 * len(label)
    bottom = 66
    for name, summary in result["summary"].items():
        figure, what, scale = MEASUREMENTS[name].plotted
        parts.append(text(24, bottom + 16, f"{MEASUREMENTS[name].title}: {what}", 14, "start", weight="600"))
        tops = [bottom + 28] * 2
        for case in dict.fromkeys(row["case"] for row in summary):
            side = 0 if tops[0] <= tops[1] else 1
            drawn, height = block([row for row in summary if row["case"] == case], figure, scale, 24 + side * BLOCK, tops[side])
            parts += drawn
            tops[side] += height
        bottom = max(tops)
    for footnote in (
            "Median of the rounds; the whisker goes from the least to the greatest. A bar with a stroke is cut.",
            f"{result['date'][:10]}: {result['command']}", machine.sentence(result["machine"])):
        bottom += 15
        parts.append(text(24, bottom, footnote, 10.5, "start", "#555"))
    return svg(parts, 48 + 2 * BLOCK, bottom + 16)
