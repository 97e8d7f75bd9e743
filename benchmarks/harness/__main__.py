"""Command line of the benchmark; `benchmarks/run` prepares the machine and calls it."""

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
import time

from . import machine, plot, report, sessions
from .cases import BULKS, LOADS, OTHERS, Tokens
from .contenders import HERE, TEMPLATES, Server, Sink, make_certificate, make_content
from .load import CONNECTIONS, command_line
from .placement import PLACEMENTS, choose
from .processes import Failure, stop_on_signals
from .rounds import run_bulks, run_idle, run_loads, run_starts, tell
from .tokens import new_secret

RESULTS = os.path.normpath(os.path.join(HERE, "..", "results"))


def names(known):
    def parse(text):
        found = [name for name in text.split(",") if name]
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return found
    return parse


def arguments():
    cases = [*LOADS, *BULKS, *sessions.STORES, *sessions.REVOCATIONS, *OTHERS]
    contenders = [name for name in TEMPLATES if name != "backend"]
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description="Measures slidegate beside nginx and HAProxy.",
        epilog="Cases: " + "; ".join(f"{c.name}: {c.title}" for c in [*LOADS.values(), *BULKS.values()])
        + "; " + "; ".join(
            f"{name}: {title}" for name, title in {**sessions.STORES, **sessions.REVOCATIONS, **OTHERS}.items()) + ".")
    parser.add_argument("--quick", action="store_true", help="a look in a minute or two, written to results/quick.*")
    parser.add_argument("--cases", type=names(cases), default=cases, help="default: " + ",".join(cases))
    parser.add_argument(
        "--contenders", type=names(contenders), default=["nginx", "haproxy", "slidegate"],
        help="of " + ", ".join(contenders) + "; nginx is always measured")
    parser.add_argument("--rounds", type=int, help="default 7")
    parser.add_argument("--seconds", type=int, help="of load for each case, contender and round; default 5")
    parser.add_argument("--placement", choices=PLACEMENTS, default="split", help="see benchmarks/README.md; default split")
    parser.add_argument("--idle-connections", type=int, help="default 10000")
    parser.add_argument("--starts", type=int, help="default 20")
    parser.add_argument("--output", help="path and stem of the results; default results/DATE-TIME")
    options = parser.parse_args()
    for name, usual, quick in (("rounds", 7, 2), ("seconds", 5, 2), ("idle_connections", 10_000, 2000), ("starts", 20, 5)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    options.contenders = ["nginx"] + [name for name in dict.fromkeys(options.contenders) if name != "nginx"]
    return options


def main():
    options = arguments()
    stop_on_signals()
    date = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    placement = choose(options.placement)
    secret = new_secret()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slidegate-benchmark-") as folder:
        bulks = [name for name in BULKS if name in options.cases]
        make_certificate(folder)
        make_content(folder, {BULKS[name].size for name in bulks})
        sink = Sink(folder, placement.backend) if bulks else None
        tokens = Tokens(folder, secret, options.seconds)
        backend = Server("backend", folder, placement.backend)
        backend.first_answer("none")
        common = (options.contenders, backend, tokens, secret, folder, placement)
        loads = [name for name in LOADS if name in options.cases]
        records = run_loads(loads, *common, options.rounds, options.seconds) if loads else []
        bulk_records = (
            run_bulks(bulks, options.contenders, backend, sink, *common[2:], options.rounds, options.seconds) if bulks else [])
        stores = [name for name in sessions.STORES if name in options.cases]
        refresh_rounds = sessions.run_refreshes(
            stores, backend, secret, folder, placement, options.rounds, options.seconds)
        revocation_rounds = sessions.run_revocations(
            *common[1:], options.rounds, options.seconds) if "revoked" in options.cases else []
        idle = run_idle(*common, options.idle_connections) if "idle" in options.cases else []
        start = run_starts(*common, options.starts) if "start" in options.cases else []
    refreshes, revocations = report.summarize_refreshes(refresh_rounds), report.summarize_revocations(revocation_rounds)
    result = {
        "date": date.isoformat(),
        "command": shlex.join(["benchmarks/run", *sys.argv[1:]]),
        "machine": machine.describe(["nginx", *options.contenders]),
        "method": {
            "connections": CONNECTIONS, "rounds": options.rounds, "seconds": options.seconds, "load": command_line(),
            "placement": options.placement, "processors": placement.description(), "token_bytes": len(tokens.one(LOADS["pass"])),
            "distinct_tokens": tokens.count,
        },
        "summary": report.summarize(records), "bulks": report.summarize_bulks(bulk_records), "idle": idle, "start": start,
        "refreshes": refreshes, "revocations": revocations,
        "rounds": records, "bulk_rounds": bulk_records, "refresh_rounds": refresh_rounds, "revocation_rounds": revocation_rounds,
        "took_seconds": round(time.monotonic() - began),
    }
    stem = options.output or os.path.join(RESULTS, "quick" if options.quick else date.strftime("%Y-%m-%dT%H%MZ"))
    os.makedirs(os.path.dirname(os.path.abspath(stem)), exist_ok=True)
    text = report.table(result["summary"], result["bulks"], idle, start, refreshes, revocations)
    for suffix, content in (
            (".json", json.dumps(result, indent=1) + "\n"), (".svg", plot.draw(result)), (".md", text)):
        with open(stem + suffix, "w") as output:
            output.write(content)
    print(text, end="")
    print(f"\n{machine.sentence(result['machine'])}; {date:%Y-%m-%d}; {result['command']}")
    tell(f"written: {os.path.relpath(stem)}.json .svg .md, after {result['took_seconds']} s")


try:
    main()
except Failure as failure:
    tell(f"benchmarks/run: {failure}")
    sys.exit(1)
