"""A summary as SVG: CPU time a request as bars (user below, system above), memory and start time beneath."""

from html import escape

from . import machine

# user, system; told apart by lightness too, for those who see no hue
COLOURS = {
    "nginx": ("#5b6770", "#b4bcc2"), "nginx-again": ("#7d8a93", "#cbd1d6"), "haproxy": ("#1f6fb2", "#9cc6e8"),
    "slidegate": ("#d2601a", "#f4b98f"),
}
BAR, GAP, GROUP_GAP, LEFT, RIGHT, TOP, HEIGHT = 44, 6, 34, 64, 24, 92, 300
FONT = "font-family='system-ui, sans-serif'"


def text(x, y, content, size=12, anchor="middle", colour="#222", weight="normal"):
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{colour}' font-weight='{weight}'>"
        f"{escape(str(content))}</text>")


def box(x, y, width, height, colour):
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{max(height, 0):.1f}' fill='{colour}'/>"


def line(x1, y1, x2, y2, colour="#222", width=1.0):
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' stroke-width='{width}'/>"


def step_for(greatest, about=6):
    """A round distance between grid lines, so that there are about `about` of them."""
    step = 10.0 ** -3
    while True:
        for factor in (1, 2, 5):
            if greatest / (step * factor) <= about:
                return step * factor
        step *= 10


def draw(result):
    summary = result["summary"]
    cases = list(dict.fromkeys(row["case"] for row in summary))
    contenders = list(dict.fromkeys(
        row["contender"] for row in summary + result["idle"] + result["start"]))
    group = len(contenders) * (BAR + GAP) - GAP + GROUP_GAP
    width = max(LEFT + len(cases) * group + RIGHT, 880)
    parts = [
        text(LEFT, 28, "CPU time of the proxy process for one request, µs", 17, "start", weight="600"),
        text(LEFT, 48, "HS256, 64 connections, one worker each; median of the rounds, whisker from least to greatest; "
             "below the bar: share of nginx", 11.5, "start", "#555"),
    ]
    at = LEFT
    for name in contenders:
        user, system = COLOURS[name]
        parts += [box(at, 60, 12, 12, user), box(at + 14, 60, 12, 12, system)]
        label = f"{name} {result['machine']['versions'].get(name, '')}".strip()
        if name.startswith("nginx"):
            label += " (plain proxy_pass, verifies nothing)"
        parts.append(text(at + 32, 70, label, 11.5, "start"))
        at += 56 + 6.2 * len(label)
    parts.append(text(at, 70, "dark: user, light: system", 11.5, "start", "#555"))
    width = max(width, at + 160)

    bottom = TOP
    if summary:
        bottom = TOP + HEIGHT
        parts += bars(summary, cases, contenders, group, width, bottom)
        bottom += 62
    bottom = others(parts, result, bottom)
    for footnote in (f"{result['date'][:10]}: {result['command']}", machine.sentence(result["machine"])):
        bottom += 15
        parts.append(text(LEFT, bottom, footnote, 10.5, "start", "#555"))
    height = bottom + 16
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' "
        f"height='{height:.0f}' {FONT}>\n<rect width='100%' height='100%' fill='#fff'/>\n" + "\n".join(parts) + "\n</svg>\n")


def bars(summary, cases, contenders, group, width, bottom):
    parts = []
    greatest = max(row["cpu_us"]["max"] for row in summary)
    step = step_for(greatest)
    scale = (HEIGHT - 20) / greatest
    value = 0.0
    while value <= greatest:
        y = bottom - value * scale
        parts += [line(LEFT, y, width - RIGHT, y, "#e3e3e3"), text(LEFT - 8, y + 4, f"{value:g}", 11, "end", "#555")]
        value += step
    rows = {(row["case"], row["contender"]): row for row in summary}
    for index, case in enumerate(cases):
        left = LEFT + GROUP_GAP / 2 + index * group
        for place, contender in enumerate(contenders):
            row = rows.get((case, contender))
            if row is None:
                continue
            x = left + place * (BAR + GAP)
            total = row["cpu_us"]["median"]
            share = row["user_us"]["median"] / max(row["user_us"]["median"] + row["system_us"]["median"], 1e-9)
            user, system = COLOURS[contender]
            top, middle = bottom - total * scale, bottom - total * share * scale
            parts += [box(x, top, BAR, middle - top, system), box(x, middle, BAR, bottom - middle, user)]
            low, high = bottom - row["cpu_us"]["min"] * scale, bottom - row["cpu_us"]["max"] * scale
            centre = x + BAR / 2
            parts += [line(centre, low, centre, high), line(centre - 4, low, centre + 4, low),
                      line(centre - 4, high, centre + 4, high)]
            parts.append(text(centre, high - 5, f"{total:.1f}", 11, weight="600"))
            ratio = row.get("ratio_to_nginx")
            if ratio:
                parts.append(text(centre, bottom + 15, f"{ratio['median']:.2f}", 11, colour="#555"))
        parts.append(text(left + (group - GROUP_GAP) / 2, bottom + 34, case, 13, weight="600"))
    parts.append(line(LEFT, bottom, width - RIGHT, bottom))
    return parts


def others(parts, result, bottom):
    """Horizontal bars for memory and start time. Returns where they end."""
    for title, rows, figure, unit in (
            ("Memory of one idle keep-alive connection (RSS), KiB", result["idle"], "rss_kib_per_connection", "{:.2f}"),
            ("From exec to the first answer, ms", result["start"], "median_ms", "{:.1f}")):
        if not rows:
            continue
        parts.append(text(LEFT, bottom + 10, title, 13, "start", weight="600"))
        bottom += 20
        greatest = max(max(row[figure] for row in rows), 1e-9)
        for row in rows:
            length = max(row[figure], 0) / greatest * 360
            parts += [
                text(LEFT + 72, bottom + 12, row["contender"], 11.5, "end"),
                box(LEFT + 80, bottom + 1, length, 15, COLOURS[row["contender"]][0]),
                text(LEFT + 86 + length, bottom + 13, unit.format(row[figure]), 11, "start"),
            ]
            bottom += 20
        bottom += 16
    return bottom
