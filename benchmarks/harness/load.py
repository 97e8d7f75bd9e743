"""One measured stretch of load from wrk, and what it cost the server."""

import json
import os
import re
import subprocess

from .contenders import HERE
from .processes import Failure, on_processors, processor_ticks

SCRIPT = os.path.join(HERE, "..", "load", "load.lua")
CONNECTIONS = 64


def wrk(server, seconds, processors, token=None, tokens=None, first=1, fresh=False):
    """Runs wrk with one token, or with a file of them from line `first` on. Returns what load.lua reports."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", SCRIPT]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if fresh:
        command += ["-H", "Connection: close"]
    command.append(f"http{'s' if server.tls else ''}://127.0.0.1:{server.port}/")
    if tokens:
        command += ["--", tokens, str(first)]
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
        raise Failure(f"wrk failed ({child.returncode}):\n{output}")
    return json.loads(found.group(1))


def command_line():
    return f"wrk -t1 -c{CONNECTIONS} -dSECONDSs --latency -s benchmarks/load/load.lua -H 'Authorization: Bearer TOKEN' URL"


def measure(server, seconds, placement, expected, token=None, tokens=None, first=1, fresh=False):
    """Load for `seconds`, accounted. `expected` is the answer that every request must get.

    Failure when it was not so: a run with other answers in it says nothing.
    """
    processor = min(placement.proxy)
    ticks_before, time_before = processor_ticks(processor), server.processor_time()
    load = wrk(server, seconds, placement.load, token, tokens, first, fresh)
    time_after, ticks_after = server.processor_time(), processor_ticks(processor)
    server.fail_if_gone()

    requests = load["requests"]
    if requests == 0:
        raise Failure(f"{server.name} answered nothing")
    for kind in ("connect_errors", "read_errors", "write_errors", "timeouts"):
        if load[kind]:
            raise Failure(f"{server.name}: {load[kind]} {kind.replace('_', ' ')} in {requests} requests")
    refused = requests if expected.status >= 400 else 0
    if load["status_4xx_5xx"] != refused:
        raise Failure(f"{server.name}: {load['status_4xx_5xx']} of {requests} answers were 4xx or 5xx, not {refused}")
    # wrk counts bytes, so answers with a field more or less than the one that was checked would show here. The answers
    # under way when the time is up, and numbers that gain or lose a digit, are the tolerance.
    size = load["bytes"] / requests
    if abs(size - expected.size) > 2 + CONNECTIONS * expected.size / requests:
        raise Failure(f"{server.name}: answers had {size:.1f} bytes on average; the one checked has {expected.size}")

    total = (time_after[0] - time_before[0]) / 1000 / requests
    user, system = time_after[1] - time_before[1], time_after[2] - time_before[2]
    user_share = user / (user + system) if user + system else 0
    every, idle, stolen = (after - before for before, after in zip(ticks_before, ticks_after))
    return {
        "requests": requests,
        "requests_per_second": requests / (load["duration_us"] / 1e6),
        "p50_us": load["p50_us"],
        "p99_us": load["p99_us"],
        "max_us": load["max_us"],
        "answer_bytes": round(size, 1),
        "cpu_us": total,
        "user_us": total * user_share,
        "system_us": total * (1 - user_share),
        "processor_busy": 1 - idle / every if every else 0,
        "processor_stolen": stolen / every if every else 0,
    }
