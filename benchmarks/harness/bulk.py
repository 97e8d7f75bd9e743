"""Large content: carried over a few connections, by a process of its own (`python3 -m harness.bulk`), and accounted."""

import json
import os
import subprocess
import sys
import threading
import time

from .cases import BULKS, MIB
from .contenders import Server, first_answer
from .exchange import connected, read_answer
from .processes import Failure, on_processors

PIECE = 256 * 1024
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def head(server, bulk, token):
    fields = f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
    if bulk.upload:
        return f"POST {bulk.path} HTTP/1.1\r\n{fields}Content-Length: {bulk.size}\r\n\r\n".encode()
    return f"GET {bulk.path} HTTP/1.1\r\n{fields}\r\n".encode()


def check_bulk(server, bulk, token):
    """One whole exchange whose every byte is looked at."""
    with connected(server) as stream:
        stream.settimeout(60)
        stream.sendall(head(server, bulk, token))
        if bulk.upload:
            stream.sendall(bytes(bulk.size))
            answer = read_answer(stream)
            # The backend tells how much it was sent.
            if answer.status != 200 or answer.content != str(bulk.size).encode():
                raise Failure(f"{server.name}, case {bulk.name}: {answer.status} {answer.content[:80]!r}")
            return
        received, buffer = b"", bytearray(PIECE)
        while b"\r\n\r\n" not in received:
            received += stream.recv(65536)
        fields, _, content = received.partition(b"\r\n\r\n")
        if not fields.startswith(b"HTTP/1.1 200"):
            raise Failure(f"{server.name}, case {bulk.name}: {fields[:80]!r}")
        left = bulk.size - len(content)
        if content.strip(b"x"):
            raise Failure(f"{server.name}, case {bulk.name}: other content than the backend's")
        while left > 0:
            count = stream.recv_into(buffer, min(PIECE, left))
            if count == 0 or bytes(buffer[:count]).strip(b"x"):
                raise Failure(f"{server.name}, case {bulk.name}: cut short, or other content than the backend's")
            left -= count


def measure_bulk(bench, name, contender):
    bulk = BULKS[name]
    token, behind = bench.tokens.requests(bulk.load).token, bench.behind(bulk)
    server = Server(contender, bulk.load, bench, behind)
    try:
        first_answer(server)
        check_bulk(server, bulk, token)
        return carry(server, bulk, token, bench.seconds, bench.chosen)
    finally:
        server.stop()


def carry(server, bulk, token, seconds, placement):
    """Carries content for `seconds`, after a second of warm-up, and says what it cost the server."""
    specification = json.dumps({
        "port": server.port, "tls": server.tls, "head": head(server, bulk, token).decode(), "size": bulk.size,
        "upload": bulk.upload, "connections": bulk.connections})
    with on_processors(placement.load):
        child = subprocess.Popen(
            [sys.executable, "-B", "-m", "harness.bulk", specification], cwd=FOLDER, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        time.sleep(1)
        before, count_before, time_before = server.processor_time()[0], count(child), time.perf_counter()
        time.sleep(seconds)
        after, count_after, time_after = server.processor_time()[0], count(child), time.perf_counter()
    finally:
        child.kill()
        child.wait()
    server.fail_if_gone()
    carried = count_after - count_before
    if carried <= 0:
        raise Failure(f"{server.name}, case {bulk.name}: nothing was carried; {server.log_end()}")
    return {
        "bytes": carried,
        "mib_per_second": carried / MIB / (time_after - time_before),
        "cpu_ms_per_gib": (after - before) / 1e6 / (carried / (1 << 30)),
    }


def count(child):
    """Bytes so far, which the child tells when asked; it fails when an exchange has failed."""
    try:
        child.stdin.write("\n")
        child.stdin.flush()
        return int(child.stdout.readline())
    except (OSError, ValueError):
        raise Failure("the load for large content has ended early") from None


class Carrier(threading.Thread):
    """One connection that carries one message after another. Python's lock is not held within the socket's calls."""

    def __init__(self, specification):
        super().__init__(daemon=True)
        self.specification = specification
        self.bytes = 0

    def run(self):
        try:
            with connected(self.specification) as stream:
                stream.settimeout(60)
                while True:
                    self.upload(stream) if self.specification.upload else self.download(stream)
        except BaseException as error:
            print(f"harness.bulk: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)

    def upload(self, stream):
        stream.sendall(self.specification.head)
        piece, left = memoryview(bytes(PIECE)), self.specification.size
        while left > 0:
            stream.sendall(piece[:left])
            self.bytes += min(PIECE, left)
            left -= PIECE
        if read_answer(stream).status != 200:
            raise Failure("not 200")

    def download(self, stream):
        stream.sendall(self.specification.head)
        received, buffer = b"", bytearray(PIECE)
        while b"\r\n\r\n" not in received:
            received += stream.recv(16384)
        left = self.specification.size - len(received.partition(b"\r\n\r\n")[2])
        self.bytes += self.specification.size - left
        while left > 0:
            got = stream.recv_into(buffer, min(PIECE, left))
            if got == 0:
                raise Failure("cut short")
            left -= got
            self.bytes += got


class Specification:
    def __init__(self, text):
        for name, value in json.loads(text).items():
            setattr(self, name, value)
        self.name = "the server"
        self.head = self.head.encode()


def main():
    specification = Specification(sys.argv[1])
    carriers = [Carrier(specification) for _ in range(specification.connections)]
    for carrier in carriers:
        carrier.start()
    for _ in sys.stdin:
        print(sum(carrier.bytes for carrier in carriers), flush=True)


if __name__ == "__main__":
    main()
