"""Records to a summary, and a summary to a table."""

import statistics

from .cases import BULKS, LOADS

FIGURES = ("cpu_us", "user_us", "system_us", "requests_per_second", "p50_us", "p99_us")


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarize(records):
    """Per case and contender: median, least and greatest over the rounds of each figure.

    Ratios are of CPU time a request, made within each round (so that what slows the machine in one round slows both),
    and only then the median is taken.
    """
    costs = {(r["case"], r["round"], r["contender"]): r["cpu_us"] for r in records}
    summary = []
    for case in LOADS:
        contenders = dict.fromkeys(r["contender"] for r in records if r["case"] == case)
        for contender in sorted(contenders, key=lambda name: not name.startswith("nginx")):
            mine = [r for r in records if (r["case"], r["contender"]) == (case, contender)]
            row = {"case": case, "contender": contender, "rounds": len(mine), "requests": sum(r["requests"] for r in mine)}
            for figure in FIGURES:
                row[figure] = spread([r[figure] for r in mine])
            for other in ("nginx", "haproxy"):
                ratios = [
                    r["cpu_us"] / costs[case, r["round"], other] for r in mine if (case, r["round"], other) in costs]
                if ratios:
                    row[f"ratio_to_{other}"] = spread(ratios)
            row["tokens_seen_once"] = all(r.get("tokens_seen_once", True) for r in mine)
            summary.append(row)
    return summary


def summarize_bulks(records):
    """Per case and contender, as above; ratios to nginx of time for each GiB and of throughput."""
    yardstick = {(r["case"], r["round"]): r for r in records if r["contender"] == "nginx"}
    summary = []
    for case in BULKS:
        contenders = dict.fromkeys(r["contender"] for r in records if r["case"] == case)
        for contender in sorted(contenders, key=lambda name: not name.startswith("nginx")):
            mine = [r for r in records if (r["case"], r["contender"]) == (case, contender)]
            row = {"case": case, "contender": contender, "rounds": len(mine)}
            for figure in ("cpu_ms_per_gib", "mib_per_second"):
                row[figure] = spread([r[figure] for r in mine])
                row[f"{figure}_ratio_to_nginx"] = spread(
                    [r[figure] / yardstick[case, r["round"]][figure] for r in mine])
            summary.append(row)
    return summary


def summarize_refreshes(records):
    summary = []
    for name in dict.fromkeys(r["case"] for r in records):
        mine = [r for r in records if r["case"] == name]
        summary.append({
            "case": name, "rounds": len(mine),
            **{figure: spread([r[figure] for r in mine])
               for figure in ("refreshes_per_second", "cpu_us", "p50_us", "p99_us")}})
    return summary


def summarize_revocations(records):
    """Ratios are to the same case with nothing revoked, within a round."""
    costs = {(r["case"], r["variant"], r["round"]): r["cpu_us"] for r in records}
    memory = {(r["variant"], r["round"]): r["rss_kib"] for r in records}
    summary = []
    for case, variant in dict.fromkeys((r["case"], r["variant"]) for r in records):
        mine = [r for r in records if (r["case"], r["variant"]) == (case, variant)]
        summary.append({
            "case": case, "variant": variant, "rounds": len(mine), "cpu_us": spread([r["cpu_us"] for r in mine]),
            "ratio": spread([r["cpu_us"] / costs[case, "nothing revoked", r["round"]] for r in mine]),
            "rss_mib": spread([memory[variant, r["round"]] / 1024 for r in mine])})
    return summary


def ranged(figure, digits, scale=1.0):
    return (
        f"{figure['median'] * scale:.{digits}f} "
        f"({figure['min'] * scale:.{digits}f}–{figure['max'] * scale:.{digits}f})")


def session_tables(refreshes, revocations):
    lines = []
    if refreshes:
        lines += ["", "| case | refreshes/s | CPU µs each | p50 ms | p99 ms |", "|---|---|---|---|---|"]
        for row in refreshes:
            lines.append(
                f"| {row['case']} | {ranged(row['refreshes_per_second'], 0)} | {ranged(row['cpu_us'], 1)} "
                f"| {ranged(row['p50_us'], 2, 0.001)} | {ranged(row['p99_us'], 2, 0.001)} |")
    if revocations:
        lines += [
            "", "| case | slidegate with | CPU µs/request | of nothing revoked | MiB resident at start |",
            "|---|---|---|---|---|"]
        for row in revocations:
            lines.append(
                f"| {row['case']} | {row['variant']} | {ranged(row['cpu_us'], 2)} | {ranged(row['ratio'], 2)} "
                f"| {ranged(row['rss_mib'], 1)} |")
    return lines


def table(summary, bulks, idle, start, refreshes, revocations):
    """Markdown."""
    lines = []
    if summary:
        lines += [
            "| case | contender | CPU µs/request | user | system | of nginx | of HAProxy | requests/s | p50 ms | p99 ms |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for row in summary:
            of_haproxy = row.get("ratio_to_haproxy")
            of_haproxy = f"{of_haproxy['median']:.2f}" if of_haproxy else "–"
            lines.append(
                f"| {row['case']} | {row['contender']} | {ranged(row['cpu_us'], 2)} | {row['user_us']['median']:.2f} "
                f"| {row['system_us']['median']:.2f} | {ranged(row['ratio_to_nginx'], 2)} "
                f"| {of_haproxy} "
                f"| {row['requests_per_second']['median']:.0f} | {row['p50_us']['median'] / 1000:.2f} "
                f"| {row['p99_us']['median'] / 1000:.2f} |")
        if not all(row["tokens_seen_once"] for row in summary):
            lines += ["", "In a cold case there were more requests than tokens, so that some came again; give fewer --seconds."]
    if bulks:
        lines += [
            "", "| case | contender | CPU ms/GiB | of nginx | MiB/s | of nginx |", "|---|---|---|---|---|---|"]
        for row in bulks:
            lines.append(
                f"| {row['case']} | {row['contender']} | {ranged(row['cpu_ms_per_gib'], 0)} "
                f"| {ranged(row['cpu_ms_per_gib_ratio_to_nginx'], 2)} | {ranged(row['mib_per_second'], 0)} "
                f"| {ranged(row['mib_per_second_ratio_to_nginx'], 2)} |")
    if idle:
        lines += ["", "| contender | idle connections | KiB each (PSS) | KiB each (RSS) |", "|---|---|---|---|"]
        for row in idle:
            lines.append(
                f"| {row['contender']} | {row['connections']} | {row['pss_kib_per_connection']:.2f} "
                f"| {row['rss_kib_per_connection']:.2f} |")
    if start:
        lines += ["", "| contender | exec to first answer, ms |", "|---|---|"]
        for row in start:
            lines.append(f"| {row['contender']} | {row['median_ms']:.1f} ({row['min_ms']:.1f}–{row['max_ms']:.1f}) |")
    lines += session_tables(refreshes, revocations)
    return "\n".join(lines).strip() + "\n"
