"""The measurements: loads in interleaved rounds, memory of idle connections, time to the first answer."""

import resource
import socket
import statistics
import sys
import time

from .bulk import carry, check_bulk
from .cases import BULKS, LOADS, checked_answer
from .contenders import Server, read_answer, request_text
from .load import measure, wrk
from .processes import Failure


def tell(text):
    print(text, file=sys.stderr, flush=True)


def run_loads(names, contenders, backend, tokens, secret, folder, placement, rounds, seconds):
    """Every round measures every case with every contender, each round in another order. Returns one record each."""
    records = []
    for turn in range(rounds):
        for name in names:
            case = LOADS[name]
            shift = turn % len(contenders)
            for contender in contenders[shift:] + contenders[:shift]:
                record = run_load(case, contender, backend, tokens, secret, folder, placement, seconds)
                record = {"case": name, "contender": contender, "round": turn + 1, **record}
                records.append(record)
                tell(
                    f"round {turn + 1}/{rounds}  {name:<10}  {contender:<11}  {record['cpu_us']:6.2f} µs/request "
                    f"({record['user_us']:5.2f} user)  {record['requests_per_second']:8.0f}/s  "
                    f"p99 {record['p99_us'] / 1000:6.2f} ms")
    return records


def run_load(case, contender, backend, tokens, secret, folder, placement, seconds):
    """One contender, started anew, warmed up for a second, then measured."""
    path, first = None, 1
    token = tokens.one(case)
    if case.distinct:
        path = tokens.file(case)
        with open(path) as lines:
            token = lines.readline().strip()
        first = tokens.first
    server = Server(contender, folder, placement.proxy, secret, backend.port, tls=case.tls)
    try:
        server.first_answer(token)
        expected = checked_answer(server, case, tokens, token)
        one = None if path else token
        wrk(server, 1, placement.load, one, path, fresh=case.fresh)
        record = measure(server, seconds, placement, expected, one, path, first, case.fresh)
        if path:
            record["tokens_seen_once"] = record["requests"] <= tokens.count - first
        return record
    finally:
        server.stop()


def run_bulks(names, contenders, backend, sink, tokens, secret, folder, placement, rounds, seconds):
    """As `run_loads`, for large content. What counts is bytes a second, and time on a processor for each GiB."""
    records = []
    for turn in range(rounds):
        for name in names:
            bulk = BULKS[name]
            shift = turn % len(contenders)
            for contender in contenders[shift:] + contenders[:shift]:
                token = tokens.one(bulk.plain_case)
                behind = sink if bulk.upload else backend
                server = Server(contender, folder, placement.proxy, secret, behind.port, tls=bulk.tls)
                try:
                    server.first_answer(token)
                    check_bulk(server, bulk, token)
                    record = carry(server, bulk, token, seconds, placement)
                finally:
                    server.stop()
                records.append({"case": name, "contender": contender, "round": turn + 1, **record})
                tell(
                    f"round {turn + 1}/{rounds}  {name:<17}  {contender:<11}  {record['cpu_ms_per_gib']:7.0f} ms/GiB  "
                    f"{record['mib_per_second']:7.0f} MiB/s")
    return records


def run_idle(contenders, backend, tokens, secret, folder, placement, connections):
    """Memory with no connection and with many that have had one answer each and wait for the next request."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A proxy keeps a second descriptor in reserve for each connection: the upstream's.
    needed = 2 * connections + 1000
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(needed, limits[1])))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        connections = min(connections, (limits[1] - 100) // 2)
        tell(f"idle: only {connections} connections, because {limits[1]} descriptors may be open (ulimit -Hn)")
    records = []
    try:
        for contender in contenders:
            server = Server(contender, folder, placement.proxy, secret, backend.port, connections + 1000)
            try:
                records.append(idle_memory(server, tokens.one(LOADS["pass"]), connections))
            finally:
                server.stop()
            tell(
                f"idle  {contender:<11}  {records[-1]['pss_kib_per_connection']:.2f} KiB a connection (PSS), "
                f"{records[-1]['rss_kib_per_connection']:.2f} (RSS)")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    return records


def idle_memory(server, token, connections):
    server.first_answer(token)
    text = request_text(server.port, token)
    streams = []

    def open_one():
        # Another source address for each few thousand, so that ports do not run out.
        stream = socket.create_connection(
            ("127.0.0.1", server.port), timeout=10, source_address=(f"127.0.0.{2 + len(streams) // 5000}", 0))
        streams.append(stream)
        stream.sendall(text)
        if read_answer(stream).status != 200:
            raise Failure(f"{server.name} refused an idle connection's request")

    try:
        open_one()  # what the first exchange allocates once is not a connection's
        time.sleep(0.2)
        before = server.memory()
        for _ in range(connections):
            open_one()
        time.sleep(0.5)
        after = server.memory()
        for stream in streams:  # a connection that was closed meanwhile would be none
            stream.setblocking(False)
            try:
                if stream.recv(1) == b"":
                    raise Failure(f"{server.name} closed an idle connection")
            except BlockingIOError:
                pass
    except OSError as error:
        raise Failure(f"{server.name}, with {len(streams)} connections: {error}; its log ends: {server.log_end()}") from None
    finally:
        for stream in streams:
            stream.close()
    return {
        "contender": server.name, "connections": connections,
        "rss_kib": [before["Rss"], after["Rss"]], "pss_kib": [before["Pss"], after["Pss"]],
        "rss_kib_per_connection": (after["Rss"] - before["Rss"]) / connections,
        "pss_kib_per_connection": (after["Pss"] - before["Pss"]) / connections,
    }


def run_starts(contenders, backend, tokens, secret, folder, placement, times):
    """From just before the process is made to the last byte of its first answer, in turn for each contender."""
    found = {contender: [] for contender in contenders}
    for _ in range(times):
        for contender in contenders:
            token = tokens.one(LOADS["pass"])
            server = Server(contender, folder, placement.proxy, secret, backend.port)
            try:
                found[contender].append(server.first_answer(token) * 1000)
            finally:
                server.stop()
    records = []
    for contender, values in found.items():
        records.append({
            "contender": contender, "times": times, "median_ms": statistics.median(values),
            "min_ms": min(values), "max_ms": max(values)})
        tell(f"start  {contender:<11}  {records[-1]['median_ms']:.1f} ms")
    return records
