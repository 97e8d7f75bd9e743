"""Where the time of one server goes under one case's load: `benchmarks/profile` calls it."""

import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from .bench import Bench
from .bulk import carry, check_bulk
from .cases import BULKS, LOADS, MIB
from .contenders import CONTENDERS, Server, first_answer, program, suits
from .load import measure, warmed_up
from .placement import PLACEMENTS
from .processes import Failure, stop_on_signals

FREQUENCY = 4999  # Hz; prime, so that it keeps no step with timers


def arguments():
    parser = argparse.ArgumentParser(
        prog="benchmarks/profile",
        description="Profiles a server under the load of one case, with perf's cpu-clock; by callgrind where perf cannot.")
    parser.add_argument("case", choices=[*LOADS, *BULKS])
    parser.add_argument("--contender", choices=CONTENDERS, default="slidegate")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--top", type=int, default=40, help="how many symbols")
    parser.add_argument("--placement", choices=PLACEMENTS, default="split")
    parser.add_argument(
        "--callers", metavar="SYMBOL[,SYMBOL]",
        help="who calls the symbols that contain this; after commas, what else to pass over on the way up")
    parser.add_argument("--callgrind", action="store_true", help="count instructions with callgrind, also where perf works")
    parser.add_argument("--calls", action="store_true", help="count system calls a request instead, with strace")
    parser.add_argument("--keep", metavar="FILE", help="keep perf's data there, for perf report and perf annotate")
    options = parser.parse_args()
    if options.case in LOADS and not suits(options.contender, LOADS[options.case]):
        parser.error(f"{options.contender} cannot do {options.case}")
    return options


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
        f"{options.contender}, case {options.case}: {record['requests']:.0f} {'MiB' if options.case in BULKS else 'requests'}, "
        f"{cost:.2f} µs of CPU each under perf; user {user_share:.1%} = {cost * user_share:.2f} µs, "
        f"kernel {sum(r[0] for r in kernel):.1%}\n")
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


def perf_works(folder):
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-o", os.path.join(folder, "perf.try"), "true"]
    return shutil.which("perf") and subprocess.run(command, capture_output=True).returncode == 0


class Subject:
    """The server whose time is looked at, and the load of the case."""

    def __init__(self, options, bench, under=()):
        self.bulk = BULKS.get(options.case)
        self.case = self.bulk.load if self.bulk else LOADS[options.case]
        self.bench = bench
        self.token = bench.tokens.requests(self.case).token
        self.server = Server(
            options.contender, self.case, bench, bench.behind(self.bulk) if self.bulk else None, under=under)
        first_answer(self.server, within=120)
        if self.bulk:
            check_bulk(self.server, self.bulk, self.token)
        else:
            self.expected = warmed_up(self.server, self.case, bench)

    def load(self):
        """What it carried, in requests or MiB, and the cost of one."""
        if not self.bulk:
            return measure(self.server, self.case, self.bench, self.expected)
        record = carry(self.server, self.bulk, self.token, self.bench.seconds, self.bench.chosen)
        return {**record, "requests": record["bytes"] / MIB, "cpu_us": record["cpu_ms_per_gib"] * 1000 / 1024}


def attached(command, subject, folder, data):
    """The load's record, with a tool attached to the server meanwhile, which has left `data`."""
    with open(os.path.join(folder, "tool.log"), "w+") as log:
        tool = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            record = subject.load()
        finally:
            tool.send_signal(signal.SIGINT)
            tool.wait(60)
        if not os.path.exists(data):
            log.seek(0)
            raise Failure(f"{command[0]} recorded nothing:\n{log.read()}")
    return record


def profile(options, folder):
    bench = Bench(folder, options.placement, options.seconds)
    if options.calls:
        return count_calls(options, bench)
    if options.callgrind or not perf_works(folder):
        return count_instructions(options, bench)
    subject = Subject(options, bench)
    data = options.keep or os.path.join(folder, "perf.data")
    command = [
        "perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", data, "-p",
        ",".join(map(str, subject.server.process_ids()))]
    # Stacks are copied and unwound afterwards: the Swift runtime is compiled without frame pointers.
    command += ["--call-graph", "dwarf,4096"] if options.callers else []
    record = attached(command, subject, folder, data)
    if options.callers:
        print_callers(options, data)
    else:
        print_profile(options, record, data)


def count_calls(options, bench):
    subject = Subject(options, bench)
    table = os.path.join(bench.folder, "calls")
    command = ["strace", "-f", "-c", "-o", table]
    for number in subject.server.process_ids():
        command += ["-p", str(number)]
    record = attached(command, subject, bench.folder, table)
    print(f"{options.contender}, case {options.case}: system calls for one request")
    with open(table) as text:
        for line in text:
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                print(f"{int(fields[3]) / record['requests']:8.3f}  {fields[-1]}")


def count_instructions(options, bench):
    """Instructions in user space, during the load alone, of a server that is some fifty times slower for it."""
    if CONTENDERS[options.contender].program == "nginx":
        raise Failure("callgrind cannot be told when to count in nginx, whose worker has another user")
    data = os.path.join(bench.folder, "callgrind")
    if options.contender == "slidegate":
        # valgrind gives up on Swift's debugging information; the names that it needs are in the symbol table.
        copy = os.path.join(bench.folder, "slidegate")
        subprocess.run(["objcopy", "--strip-debug", program("slidegate"), copy], check=True)
        os.environ["SLIDEGATE_BINARY"] = copy
    subject = Subject(options, bench, (
        "valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={data}.%p"))

    def control(what):
        result = subprocess.run(["callgrind_control", what, str(subject.server.child.pid)], capture_output=True, text=True)
        if result.returncode != 0:
            raise Failure(f"callgrind_control: {result.stdout}{result.stderr}")

    control("--instr=on")
    record = subject.load()
    control("--instr=off")
    subject.server.stop()
    result = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--threshold=99.9", *glob.glob(data + ".*")], capture_output=True, text=True)
    rows = [
        (int(found[1].replace(",", "")), found[2])
        for found in re.finditer(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?:(.+?)(?: \[.*\])?$", result.stdout, re.M)]
    total = sum(count for count, _ in rows)
    if not total:
        raise Failure(f"callgrind counted nothing:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    unit = "MiB" if subject.bulk else "request"
    print(
        f"{options.contender}, case {options.case}: {record['requests']:.0f} × {unit}, "
        f"{total / record['requests']:.0f} instructions in user space each\n\n  share  for each  function")
    for (number, _), name in zip(rows[: options.top], demangled([name for _, name in rows[: options.top]])):
        print(f"{number / total:7.1%} {number / record['requests']:9.1f}  {name}")


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
