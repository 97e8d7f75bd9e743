"""Command line of the benchmark; `benchmarks/run` prepares the machine and calls it."""

import argparse
import datetime
import os
import shlex
import sys
import tempfile
import time

from . import history, machine, plot, report
from .bench import Bench
from .contenders import CONTENDERS, HERE, YARDSTICK, present
from .load import CONNECTIONS, command_line
from .measurements import MEASUREMENTS
from .placement import PLACEMENTS
from .processes import Failure, stop_on_signals
from .rounds import run, tell

RESULTS = os.path.normpath(os.path.join(HERE, "..", "results"))
USUAL, QUICK = {"rounds": 5, "seconds": 3}, {"rounds": 2, "seconds": 1}
QUICK_CASES = ["plain", "pass", "renew", "cold", "refuse", "pass-half-own", "pass-half-nginx", "idle", "start"]


def names(known):
    """Of a list with commas; the name of a measurement stands for its cases."""
    def parse(text):
        found = []
        for name in filter(None, text.split(",")):
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
            found += known[name]
        return list(dict.fromkeys(found))
    return parse


def arguments():
    cases = {case: [case] for measurement in MEASUREMENTS.values() for case in measurement.cases}
    groups = {name: list(measurement.cases) for name, measurement in MEASUREMENTS.items()}
    contenders = [name for name in CONTENDERS if name != "nginx-again"]
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description="Measures slidegate beside others.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(
            "\n".join([f"{name}: {measurement.title}", *(f"  {case:<20} {title}" for case, title in measurement.cases.items())])
            for name, measurement in MEASUREMENTS.items()))
    parser.add_argument("--quick", action="store_true", help="a look, written to results/quick.*")
    parser.add_argument(
        "--cases", type=names(groups | cases),
        help=f"those below, where a group stands for its cases; default all, or {','.join(QUICK_CASES)} with --quick")
    parser.add_argument(
        "--contenders", type=names({name: [name] for name in CONTENDERS}), default=contenders,
        help=f"of {', '.join(CONTENDERS)}; {YARDSTICK} is always measured")
    for name, usual in USUAL.items():
        parser.add_argument(f"--{name}", type=int, help=f"default {usual}, or {QUICK[name]} with --quick")
    parser.add_argument("--placement", choices=PLACEMENTS, default="split", help="see benchmarks/README.md; default split")
    parser.add_argument("--output", help="path and stem of the results; default results/DATE-TIME")
    options = parser.parse_args()
    options.cases = options.cases or (QUICK_CASES if options.quick else list(cases))
    for name, usual in (QUICK if options.quick else USUAL).items():
        if getattr(options, name) is None:
            setattr(options, name, usual)
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    wanted = [YARDSTICK] + [name for name in dict.fromkeys(options.contenders) if name != YARDSTICK]
    options.contenders = [name for name in wanted if present(name)]
    for name in wanted:
        if name not in options.contenders:
            if not CONTENDERS[name].optional:
                raise Failure(f"{name} is not installed")
            tell(f"{name} is left out, because it is not there; benchmarks/README.md says where it is looked for")
    return options


def plan(options):
    return [
        (measurement, case, contenders)
        for measurement in MEASUREMENTS.values() for case in measurement.cases if case in options.cases
        if (contenders := measurement.contenders(case, options.contenders))]


def main():
    options = arguments()
    stop_on_signals()
    date = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slidegate-benchmark-") as folder:
        bench = Bench(folder, options.placement, options.seconds)
        records, failures = run(bench, plan(options), options.rounds)
    summaries = {}
    for name, measurement in MEASUREMENTS.items():
        if mine := [record for record in records if record["measurement"] == name]:
            summaries[name] = report.summarize(measurement, mine)
    result = {
        "date": date.isoformat(),
        "command": shlex.join(["benchmarks/run", *sys.argv[1:]]),
        "machine": machine.describe(options.contenders),
        "method": {
            "connections": CONNECTIONS, "rounds": options.rounds, "seconds": options.seconds, "load": command_line(),
            "placement": options.placement, "processors": bench.chosen.description()},
        "summary": summaries, "rounds": records, "failures": failures, "took_seconds": round(time.monotonic() - began),
    }
    stem = options.output or os.path.join(RESULTS, "quick" if options.quick else date.strftime("%Y-%m-%dT%H%MZ"))
    os.makedirs(os.path.dirname(os.path.abspath(stem)), exist_ok=True)
    text = "\n".join(report.table(MEASUREMENTS[name], summary) for name, summary in summaries.items())
    text += report.list_failures(failures)
    for suffix, content in ((".json", report.as_json(result) + "\n"), (".svg", plot.draw(result)), (".md", text)):
        with open(stem + suffix, "w") as output:
            output.write(content)
    if not options.quick and not options.output:
        history.draw(RESULTS)
    print(text, end="")
    print(f"\n{machine.sentence(result['machine'])}; {date:%Y-%m-%d}; {result['command']}")
    tell(f"written: {os.path.relpath(stem)}.json .svg .md, after {result['took_seconds']} s")
    if failures:
        raise Failure(f"{len(failures)} measurements came to nothing")


try:
    main()
except Failure as failure:
    tell(f"benchmarks/run: {failure}")
    sys.exit(1)
