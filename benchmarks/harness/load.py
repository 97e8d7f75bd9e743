"""Small requests as fast as answers come: wrk, and what it cost the server."""

import json
import os
import re
import subprocess
import time

from .cases import LOADS
from .contenders import HERE, Server, first_answer, verifies
from .exchange import exchange
from .processes import Failure, on_processors, processor_ticks
from .tokens import check_successor

SCRIPT = os.path.join(HERE, "..", "load", "load.lua")
CONNECTIONS = 64


def run_tool(command, processors, seconds):
    """A load's program, which reports a line of JSON."""
    with on_processors(processors):
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True)
    try:
        output, _ = child.communicate(timeout=seconds + 60)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    found = re.search(r"^JSON (.*)$", output, re.M)
    if child.returncode != 0 or not found:
        raise Failure(f"{command[0]} failed ({child.returncode}):\n{output}")
    return json.loads(found.group(1))


def wrk(server, seconds, processors, requests, first=1, fresh=False, script=SCRIPT, path="/"):
    """Runs wrk with a file of requests from line `first` on. Returns what the script reports."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script]
    if fresh:
        command += ["-H", "Connection: close"]
    command += [f"http{'s' if server.tls else ''}://127.0.0.1:{server.port}{path}", "--", requests, str(first)]
    return run_tool(command, processors, seconds)


def command_line():
    return f"wrk -t1 -c{CONNECTIONS} -dSECONDSs --latency -s benchmarks/load/load.lua URL -- REQUESTS FIRST"


def checked_answer(server, case, bench):
    """The answer that `server` gives in this case, thrice on one connection, after it has been found right."""
    requests = bench.tokens.requests(case)
    answer = exchange(server, requests.token, requests.target, 1 if case.fresh else 3, case.fresh)
    looks = verifies(server.name, case)
    expected = 401 if case.forged and looks else 200
    if answer.status != expected:
        raise Failure(f"{server.name}, case {case.name}: answered {answer.status}, not {expected}: {answer.content!r}")
    if expected == 401 and "www-authenticate" not in answer.fields:
        raise Failure(f"{server.name}, case {case.name}: 401 without WWW-Authenticate")
    if looks and exchange(server, "", requests.target).status != 401:
        raise Failure(f"{server.name}, case {case.name}: a request without a token passes")
    successor = answer.fields.get("x-refresh-token")
    if (successor is not None) != (case.renews and looks):
        raise Failure(f"{server.name}, case {case.name}: X-Refresh-Token is {successor!r}")
    if successor:
        try:
            check_successor(bench.tokens.minter("HS256"), requests.token, successor, int(time.time()))
        except ValueError as error:
            raise Failure(f"{server.name}, case {case.name}: {error}") from None
        if "no-store" not in answer.fields.get("cache-control", ""):
            raise Failure(f"{server.name}, case {case.name}: an answer with a token that caches may keep")
    return answer


def check_load(server, load, expected):
    """Failure unless every answer was as `expected`: a run with other answers in it says nothing."""
    requests = load["requests"]
    if requests == 0:
        raise Failure(f"{server.name} answered nothing; its log ends:\n{server.log_end()}")
    for kind in ("connect_errors", "read_errors", "write_errors", "timeouts"):
        if load[kind]:
            raise Failure(f"{server.name}: {load[kind]} {kind.replace('_', ' ')} in {requests} requests")
    refused = requests if expected.status >= 400 else 0
    if load["status_4xx_5xx"] != refused:
        raise Failure(f"{server.name}: {load['status_4xx_5xx']} of {requests} answers were 4xx or 5xx, not {refused}")
    # Bytes are counted, so answers with a field more or less than the one that was checked would show here. The answers
    # under way when the time is up, and numbers that gain or lose a digit, are the tolerance.
    size = load["bytes"] / requests
    if abs(size - expected.size) > 2 + CONNECTIONS * expected.size / requests:
        raise Failure(f"{server.name}: answers had {size:.1f} bytes on average; the one checked has {expected.size}")


def accounted(server, processors, load):
    """What `load()` reports, with what it cost the server for each request."""
    processor = min(processors)
    ticks_before, time_before = processor_ticks(processor), server.processor_time()
    report = load()
    time_after, ticks_after = server.processor_time(), processor_ticks(processor)
    server.fail_if_gone()
    requests = max(report["requests"], 1)
    total = (time_after[0] - time_before[0]) / 1000 / requests
    user, system = time_after[1] - time_before[1], time_after[2] - time_before[2]
    user_share = user / (user + system) if user + system else 0
    every, idle, stolen = (after - before for before, after in zip(ticks_before, ticks_after))
    return report, {
        "cpu_us": total, "user_us": total * user_share, "system_us": total * (1 - user_share),
        "rss_mib": server.memory()["Rss"] / 1024,
        "processor_busy": 1 - idle / every if every else 0, "processor_stolen": stolen / every if every else 0}


def measure(server, case, bench, expected):
    """Load for the run's seconds, accounted. `expected` is the answer that every request must get."""
    placement, requests = bench.placement(case), bench.tokens.requests(case)
    load, cost = accounted(
        server, placement.proxy,
        lambda: wrk(server, bench.seconds, placement.load, requests.file, requests.first, case.fresh))
    check_load(server, load, expected)
    record = {
        "requests": load["requests"], "requests_per_second": load["requests"] / (load["duration_us"] / 1e6),
        **{figure: load[figure] for figure in ("p50_us", "p99_us", "p999_us", "max_us")},
        "answer_bytes": round(load["bytes"] / load["requests"], 1), **cost}
    if case.distinct and verifies(server.name, case):
        record["tokens_seen_once"] = load["requests"] <= requests.count - requests.first
    return record


def warmed_up(server, case, bench):
    """The answer that is expected of a server that has been checked, and has had load for a second."""
    expected = checked_answer(server, case, bench)
    wrk(server, 1, bench.placement(case).load, bench.tokens.requests(case).file, fresh=case.fresh)
    return expected


def measure_load(bench, name, contender):
    """One contender, started anew, warmed up for a second, then measured."""
    case = LOADS[name]
    bench.tokens.requests(case)  # before the server is there, for it takes a while
    server = Server(contender, case, bench)
    try:
        first_answer(server)
        record = measure(server, case, bench, warmed_up(server, case, bench))
    finally:
        server.stop()
    bench.saturations[name, contender] = record["requests_per_second"]
    return record
