"""What a server needs when it does nothing: memory, alone and with idle connections, and time until its first answer."""

import socket
import statistics
import time

from .cases import LOADS
from .contenders import Server, first_answer
from .exchange import read_answer, request_text
from .processes import Failure

CASE = LOADS["pass"]
CONNECTIONS, STARTS = 10_000, 5
FIRST = 500  # connections that bring in code and tables which the others share


def measure_idle(bench, name, contender):
    """Memory with no connection, and with many that have had one answer each and wait for the next request."""
    # A proxy keeps a second descriptor in reserve for each connection: the upstream's.
    connections = min(CONNECTIONS, (bench.descriptors - 100) // 2)
    server = Server(contender, CASE, bench, connections=connections + 1000)
    try:
        return idle_memory(server, bench.tokens.requests(CASE).token, connections)
    finally:
        server.stop()


def idle_memory(server, token, connections):
    first_answer(server, token)
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
        start = server.memory()
        for _ in range(FIRST):
            open_one()
        time.sleep(0.5)
        before = server.memory()
        for _ in range(connections - FIRST):
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
        "connections": connections, "rss_mib": start["Rss"] / 1024, "pss_mib": start["Pss"] / 1024,
        "rss_kib_per_connection": (after["Rss"] - before["Rss"]) / (connections - FIRST),
        "pss_kib_per_connection": (after["Pss"] - before["Pss"]) / (connections - FIRST)}


def measure_start(bench, name, contender):
    """From just before the process is made to the last byte of its first answer; the median of a few starts."""
    times = []
    for _ in range(STARTS):
        server = Server(contender, CASE, bench)
        try:
            times.append(first_answer(server, bench.tokens.requests(CASE).token) * 1000)
        finally:
            server.stop()
    return {"start_ms": statistics.median(times), "starts": STARTS}
