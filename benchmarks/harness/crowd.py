"""Slow clients (`python3 -m harness.crowd PORT COUNT TOKEN`), and what serving others costs beside them."""

import os
import select
import socket
import subprocess
import sys
import time

from .cases import LOADS, MIB
from .contenders import HERE, Server, first_answer
from .exchange import request_text
from .load import measure, warmed_up
from .processes import Failure, on_processors

COUNT = 500  # of each kind
TITLE = f"pass alone, and beside {COUNT} clients that send 150 bytes a second and {COUNT} that read 16 KiB a second"
PERIOD, SLOTS = 0.2, 4  # a client acts once in each period, and a quarter of them at a time
SENT, READ = 30, 16 * 1024 // 5  # bytes at once
STAY = 5  # seconds: enough for every sender to have sent a request and had its answer
CALM = 0.25  # of a processor: less than that, and the server has filled the buffers of those that read slowly


class Client:
    def __init__(self, port, request):
        self.request = request
        self.stream = socket.socket()
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self.stream.connect(("127.0.0.1", port))
        self.stream.setblocking(False)
        self.answers, self.left = 0, 0

    def receive(self):
        """Reads a piece. Returns whether the answer is complete."""
        try:
            piece = self.stream.recv(READ)
        except BlockingIOError:
            return False
        if not piece:
            raise Failure(f"a slow client was cut off after {self.answers} answers")
        if not self.left:
            head, end, content = piece.partition(b"\r\n\r\n")
            if not end or not head.startswith(b"HTTP/1.1 200"):
                raise Failure(f"a slow client was answered {piece[:80]!r}")
            self.left = next(
                int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            piece = content
        self.left -= len(piece)
        self.answers += not self.left
        return not self.left


class Sender(Client):
    sent = 0

    def act(self):
        if self.sent < len(self.request):
            self.sent += self.stream.send(self.request[self.sent:self.sent + SENT])
        elif self.receive():
            self.sent = 0


class Reader(Client):
    asked = False

    def act(self):
        if not self.asked:
            self.stream.send(self.request)
            self.asked = True
        elif self.receive():
            self.asked = False


def main():
    """Says "ready" when everybody has acted five times; at the end of its input, says how many answers the senders got."""
    port, count, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    head, content = request_text(port, token), request_text(port, token, f"/content/{MIB}")
    clients = [client for _ in range(count) for client in (Sender(port, head), Reader(port, content))]
    begun, turn = time.monotonic(), 0
    while not select.select([sys.stdin], [], [], max(0, begun + turn * PERIOD / SLOTS - time.monotonic()))[0]:
        for client in clients[turn % SLOTS::SLOTS]:
            client.act()
        turn += 1
        if turn == SLOTS * 5:
            print("ready", flush=True)
    print(sum(client.answers for client in clients if isinstance(client, Sender)), flush=True)


class Crowd:
    """The slow clients of `server`, for as long as the context lasts."""

    def __init__(self, server, token, processors):
        self.server, self.since = server, time.monotonic()
        with on_processors(processors):
            self.child = subprocess.Popen(
                [sys.executable, "-B", "-m", "harness.crowd", str(server.port), str(COUNT), token],
                cwd=os.path.join(HERE, ".."), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                start_new_session=True)
        if self.child.stdout.readline() != "ready\n":
            self.leave()
        deadline, self.upkeep = time.monotonic() + 20, 1.0
        while self.upkeep > CALM and time.monotonic() < deadline:
            time_before, before = time.monotonic(), server.processor_wanted()
            time.sleep(0.5)
            self.upkeep = (server.processor_wanted() - before) / 1e9 / (time.monotonic() - time_before)

    def leave(self):
        """Ends them. Returns how many answers the slow senders got. Failure when not all were served to the end."""
        if self.child.poll() is None:
            time.sleep(max(0, self.since + STAY - time.monotonic()))
        output, complaint = self.child.communicate()
        if self.child.returncode != 0:
            raise Failure(f"{self.server.name}: {complaint.strip()}; its log ends:\n{self.server.log_end()}")
        return int(output.split()[-1])


def measure_crowd(bench, name, contender):
    case = LOADS["pass"]
    bench.content(MIB)
    server = Server(contender, case, bench, connections=2048 + 4 * COUNT)
    try:
        first_answer(server)
        expected = warmed_up(server, case, bench)
        alone = measure(server, case, bench, expected)
        crowd = Crowd(server, bench.tokens.requests(case).token, bench.placement(case).load)
        try:
            resident = server.memory()["Rss"] / 1024
            beside = measure(server, case, bench, expected)
        finally:
            answers = crowd.leave()
    finally:
        server.stop()
    return {
        "alone_us": alone["cpu_us"], "cpu_us": beside["cpu_us"], "growth": beside["cpu_us"] / alone["cpu_us"],
        "alone_p99_us": alone["p99_us"], "p99_us": beside["p99_us"],
        "client_kib": (resident - alone["rss_mib"]) * 1024 / (2 * COUNT), "slow_answers": answers, "upkeep": crowd.upkeep}


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)
