"""Where the time of one server goes under one case's load: `benchmarks/profile` calls it."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from .bulk import carry, check_bulk
from .cases import BULKS, LOADS, MIB, Tokens, checked_answer
from .contenders import TEMPLATES, Server, Sink, make_certificate, make_content
from .load import measure, wrk
from .placement import PLACEMENTS, choose
from .processes import Failure, stop_on_signals
from .tokens import new_secret

FREQUENCY = 4999  # Hz; prime, so that it keeps no step with timers


def arguments():
    parser = argparse.ArgumentParser(
        prog="benchmarks/profile", description="Profiles a server under the load of one case, with perf's cpu-clock.")
    parser.add_argument("case", choices=[*LOADS, *BULKS])
    parser.add_argument("--contender", choices=[n for n in TEMPLATES if n != "backend"], default="slidegate")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--top", type=int, default=40, help="how many symbols")
    parser.add_argument("--placement", choices=PLACEMENTS, default="split")
    parser.add_argument(
        "--callers", metavar="SYMBOL[,SYMBOL]",
        help="who calls the symbols that contain this; after commas, what else to pass over on the way up")
    parser.add_argument("--calls", action="store_true", help="count system calls a request instead, with strace")
    parser.add_argument("--keep", metavar="FILE", help="keep perf's data there, for perf report and perf annotate")
    return parser.parse_args()


def demangled(names):
    """Swift's names for people; unchanged where there is no toolchain."""
    tool = shutil.which("swift-demangle") or "/opt/swift/usr/bin/swift-demangle"
    if not os.path.exists(tool):
        return names
    result = subprocess.run(
        [tool, "--compact", "--simplified"], input="\n".join(names), capture_output=True, text=True)
    lines = result.stdout.splitlines()
    return lines if len(lines) == len(names) else names


def perf_rows(data):
    """(share of all samples, object, is in the kernel, symbol), greatest first."""
    result = subprocess.run(
        ["perf", "report", "-i", data, "--stdio", "-q", "--no-children", "-g", "none", "--no-demangle", "--sort",
         "dso,symbol", "-t", "|"],
        capture_output=True, text=True)
    rows = {}
    for line in result.stdout.splitlines():
        found = re.match(r"\s*([\d.]+)%\s*\|([^|]*)\|\s*\[(.)\]\s*([^|]*)", line)
        if found:
            name = found[4].strip()
            # A stripped library's addresses are of use only together.
            key = found[2].strip(), found[3] == "k", "(no symbol)" if re.fullmatch("0x[0-9a-f]+", name) else name
            rows[key] = rows.get(key, 0) + float(found[1]) / 100
    if not rows:
        raise Failure(f"perf reported nothing:\n{result.stderr}")
    return sorted(((share, *key) for key, share in rows.items()), reverse=True)


def print_profile(options, record, data):
    rows = perf_rows(data)
    user = [row for row in rows if not row[2]]
    kernel = [row for row in rows if row[2]]
    user_share = sum(row[0] for row in user)
    cost = record["cpu_us"]
    print(
        f"{options.contender}, case {options.case}: {record['requests']:.0f} {'MiB' if options.case in BULKS else 'requests'}, {cost:.2f} µs of CPU each under perf; "
        f"user {user_share:.1%} = {cost * user_share:.2f} µs, kernel {sum(r[0] for r in kernel):.1%}\n")
    for title, part in ((f"User time ({cost * user_share:.2f} µs a request)", user), ("Kernel", kernel)):
        whole = sum(row[0] for row in part) or 1
        shown = part[: options.top if part is user else 12]
        print(f"{title}\n{'share':>7} {'ns/request':>10}  object: symbol")
        for (share, place, _, _), name in zip(shown, demangled([row[3] for row in shown])):
            print(f"{share / whole:7.1%} {share * cost * 1000:10.0f}  {os.path.basename(place)}: {name}")
        print()
    by_object = {}
    for share, place, _, _ in user:
        by_object[os.path.basename(place)] = by_object.get(os.path.basename(place), 0) + share
    print("User time by object: " + ", ".join(
        f"{place} {share / user_share:.1%}" for place, share in sorted(by_object.items(), key=lambda item: -item[1])))


def print_callers(options, data):
    """Of the samples in a matching symbol, the share that each nearest caller has that is not passed over."""
    wanted, *passed = options.callers.split(",")
    result = subprocess.run(["perf", "script", "-i", data, "--no-demangle", "-F", "ip,sym"], capture_output=True, text=True)
    counts, samples = {}, 0
    for stack in result.stdout.split("\n\n"):
        names = [line.split(None, 1)[1] for line in stack.splitlines() if len(line.split(None, 1)) == 2]
        if not names:
            continue
        samples += 1
        if wanted in names[0]:
            caller = next((name for name in names if not any(part in name for part in (wanted, *passed))), "unknown")
            counts[caller] = counts.get(caller, 0) + 1
    whole = sum(counts.values())
    if not whole:
        raise Failure(f"no sample in a symbol that contains {wanted!r}")
    print(f"{wanted}: {whole / samples:.1%} of all samples, called by")
    ordered = sorted(counts.items(), key=lambda item: -item[1])[: options.top]
    for (_, count), name in zip(ordered, demangled([name for name, _ in ordered])):
        print(f"{count / whole:7.1%}  {name}")


def profile(options, folder):
    placement = choose(options.placement)
    secret = new_secret()
    bulk = BULKS.get(options.case)
    case = bulk.plain_case if bulk else LOADS[options.case]
    tokens = Tokens(folder, secret, options.seconds)
    make_certificate(folder)
    if bulk:
        make_content(folder, [bulk.size])
    backend = Sink(folder, placement.backend) if bulk and bulk.upload else Server("backend", folder, placement.backend)
    if not (bulk and bulk.upload):
        backend.first_answer("none")
    token, path, first = tokens.one(case), None, 1
    if case.distinct:
        path, first = tokens.file(case), tokens.first
        with open(path) as lines:
            token = lines.readline().strip()
    server = Server(options.contender, folder, placement.proxy, secret, backend.port, tls=case.tls)
    server.first_answer(token)
    one = None if path else token
    if bulk:
        check_bulk(server, bulk, token)
    else:
        expected = checked_answer(server, case, tokens, token)
        wrk(server, 1, placement.load, one, path, fresh=case.fresh)

    targets = ",".join(map(str, server.process_ids()))
    data = options.keep or os.path.join(folder, "perf.data")
    if options.calls:
        table = os.path.join(folder, "calls")
        command = ["strace", "-f", "-c", "-o", table] + [word for target in targets.split(",") for word in ("-p", target)]
    else:
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", data, "-p", targets]
        # Stacks are copied and unwound afterwards: the Swift runtime is compiled without frame pointers.
        command += ["--call-graph", "dwarf,4096"] if options.callers else []
    with open(os.path.join(folder, "tool.log"), "w+") as log:
        tool = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            if bulk:
                record = carry(server, bulk, token, options.seconds, placement)
                record |= {"requests": record["bytes"] / MIB, "cpu_us": record["cpu_ms_per_gib"] * 1000 / 1024}
            else:
                record = measure(server, options.seconds, placement, expected, one, path, first, case.fresh)
        finally:
            tool.send_signal(signal.SIGINT)
            tool.wait(60)
        if not os.path.exists(table if options.calls else data):
            log.seek(0)
            raise Failure(f"{command[0]} recorded nothing:\n{log.read()}")
    if options.calls:
        print(f"{options.contender}, case {options.case}: system calls for one request")
        with open(table) as text:
            for line in text:
                fields = line.split()
                if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                    print(f"{int(fields[3]) / record['requests']:8.3f}  {fields[-1]}")
    elif options.callers:
        print_callers(options, data)
    else:
        print_profile(options, record, data)


def main():
    options = arguments()
    stop_on_signals()
    with tempfile.TemporaryDirectory(prefix="slidegate-profile-") as folder:
        profile(options, folder)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"benchmarks/profile: {failure}", file=sys.stderr)
        sys.exit(1)
