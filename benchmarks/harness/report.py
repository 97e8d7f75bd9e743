"""Records to summaries, and summaries to tables."""

import json
import statistics

from .measurements import Ratio


def spread(values):
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 4) for name, value in found.items()}


def summarize(measurement, records):
    """Per case and contender: median, least and greatest over the rounds of each figure. A ratio is made within each round,
    and only then the median is taken."""
    found = {(r["case"], r["contender"], r["round"]): r for r in records}
    summary = []
    # Contenders stand in the same order everywhere: that of the first round.
    for case, contender in dict.fromkeys((r["case"], r["contender"]) for r in records):
        mine = [r for r in records if (r["case"], r["contender"]) == (case, contender)]
        row = {"case": case, "contender": contender, "rounds": len(mine)}
        for column in measurement.columns:
            if isinstance(column, Ratio):
                pairs = [(r, found.get((*column.base(case, contender), r["round"]))) for r in mine]
                values = [r[column.of] / other[column.of] for r, other in pairs if other and other[column.of]]
            else:
                values = [r[column.figure] for r in mine if column.figure in r]
            if values:
                row[column.figure] = spread(values)
        row["tokens_seen_once"] = all(r.get("tokens_seen_once", True) for r in mine)
        summary.append(row)
    return summary


def cell(column, row):
    figure = row.get(column.figure)
    if not figure:
        return "–"
    median, least, greatest = (f"{figure[name] * column.scale:.{column.digits}f}" for name in ("median", "min", "max"))
    return f"{median} ({least}–{greatest})" if column.spread and row["rounds"] > 1 else median


def table(measurement, summary):
    """Markdown. A column without a figure in any row is left out."""
    columns = [column for column in measurement.columns if any(column.figure in row for row in summary)]
    lines = [
        f"### {measurement.title}", "", f"| case | contender | {' | '.join(column.heading for column in columns)} |",
        "|---|---|" + "---|" * len(columns)]
    for row in summary:
        lines.append(f"| {row['case']} | {row['contender']} | {' | '.join(cell(column, row) for column in columns)} |")
    seen = [f"{row['contender']} in {row['case']}" for row in summary if not row["tokens_seen_once"]]
    if seen:
        lines += ["", f"There were more requests than tokens, so that some came again: {', '.join(seen)}. Give fewer --seconds."]
    return "\n".join(lines) + "\n"


def as_json(value):
    """JSON with a line for each record and each row of a summary."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {as_json(member)}" for name, member in value.items()) + "\n}"
    return json.dumps(value)


def list_failures(failures):
    if not failures:
        return ""
    return "\n### Measurements that came to nothing\n\n" + "".join(
        f"- {failure['case']}, {failure['contender']}, round {failure['round']}: {failure['failure'].splitlines()[0]}\n"
        for failure in failures)
