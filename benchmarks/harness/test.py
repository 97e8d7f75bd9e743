"""Tests of what the figures rest on: `benchmarks/test`."""

import os
import socket
import tempfile
import threading
import time
import unittest
from types import SimpleNamespace

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .cases import LOADS, Tokens
from .contenders import CONTENDERS, suits, verifies
from .load import check_load, run_tool
from .measurements import MEASUREMENTS
from .processes import Failure
from .rate import compiled
from .report import summarize, table
from .templates import fill
from .tokens import Minter, check_successor, decode

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class StallingServer:
    """Answers at once, but for one second that begins `after` seconds from now: then it answers nobody until the second is over."""

    def __init__(self, test, after):
        self.stall = time.monotonic() + after
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        test.addCleanup(self.listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with self.listener:
            while True:
                try:
                    stream, _ = self.listener.accept()
                except OSError:  # the test is over
                    return
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        with stream:
            while stream.recv(65536):
                if 0 <= time.monotonic() - self.stall < 1:
                    time.sleep(self.stall + 1 - time.monotonic())
                stream.sendall(ANSWER)


class FixedRate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = compiled(SimpleNamespace(folder=self.folder.name))
        self.requests = os.path.join(self.folder.name, "requests")
        with open(self.requests, "w") as file:
            file.write("/\n")

    def load(self, port, connections, rate, seconds):
        command = [self.program, port, connections, rate, 0.5, seconds, self.requests, 1]
        return run_tool(list(map(str, command)), os.sched_getaffinity(0), seconds)

    def test_requests_that_were_due_during_a_stall_count_from_when_they_were_due(self):
        load = self.load(StallingServer(self, after=2.0).port, 4, 200, 4)
        self.assertEqual((load["requests"], load["unanswered"]), (800, 0))
        # A quarter of the requests was due in the second of silence; a closed loop would have four late answers of hundreds.
        self.assertGreater(load["p99_us"], 900_000)
        self.assertGreater(load["p999_us"], load["p99_us"])
        self.assertLess(load["p50_us"], 500_000)

    def test_bytes_and_answers_are_counted(self):
        load = self.load(StallingServer(self, after=100).port, 4, 200, 1)
        self.assertEqual((load["requests"], load["bytes"], load["status_4xx_5xx"]), (200, 200 * len(ANSWER), 0))

    def test_a_server_that_closes_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
            load = self.load(listener.getsockname()[1], 1, 100, 1)
        self.assertGreater(load["read_errors"] + load["write_errors"], 0)
        self.assertEqual(load["unanswered"], 100)


class Validity(unittest.TestCase):
    server = SimpleNamespace(name="it", log_end=lambda: "")
    good = {
        "requests": 1000, "bytes": 100_000, "connect_errors": 0, "read_errors": 0, "write_errors": 0, "timeouts": 0,
        "status_4xx_5xx": 0}

    def check(self, status=200, **differences):
        check_load(self.server, {**self.good, **differences}, SimpleNamespace(status=status, size=100))

    def test_expected_answers_pass(self):
        self.check()
        self.check(status=401, status_4xx_5xx=1000)

    def test_anything_else_is_no_result(self):
        for differences in (
                {"requests": 0}, {"read_errors": 1}, {"timeouts": 1}, {"status_4xx_5xx": 1}, {"bytes": 120_000},
                {"status": 401, "status_4xx_5xx": 999}):
            with self.subTest(**differences), self.assertRaises(Failure):
                self.check(**differences)


class TokensOfEachAlgorithm(unittest.TestCase):
    def test_signatures_verify_under_the_public_key(self):
        for algorithm in ("RS256", "ES256", "EdDSA"):
            minter = Minter(algorithm)
            signing_input, _, signature = minter.token(1, 0, 3000).rpartition(".")
            key, signature = serialization.load_pem_public_key(minter.key.pem.encode()), decode(signature)
            with self.subTest(algorithm):
                if algorithm == "RS256":
                    key.verify(signature, signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
                elif algorithm == "ES256":
                    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                    key.verify(encode_dss_signature(r, s), signing_input.encode(), ec.ECDSA(hashes.SHA256()))
                else:
                    key.verify(signature, signing_input.encode())

    def test_a_successor_is_looked_at(self):
        minter, now = Minter("HS256"), int(time.time())
        old, new = minter.token(1, now, 500), minter.token(1, now, 3600)
        check_successor(minter, old, new, now)
        for bad in (old, minter.token(2, now, 3600), minter.token(1, now + 100, 3600), Minter("HS256").token(1, now, 3600)):
            with self.assertRaises(ValueError):
                check_successor(minter, old, bad, now)

    def test_cold_requests_are_all_different(self):
        with tempfile.TemporaryDirectory() as folder:
            tokens = Tokens(folder, 1)
            tokens.A_SECOND = {"HS256": 50}
            requests = tokens.requests(LOADS["cold"])
            with open(requests.file) as file:
                lines = file.read().splitlines()
        self.assertEqual((len(set(lines)), requests.first), (100, 51))
        self.assertEqual(lines[0], f"/ {requests.token}")


class Cases(unittest.TestCase):
    def test_who_cannot_do_the_job_does_not_take_part(self):
        parts = {
            case: [name for name in CONTENDERS if suits(name, LOADS[case])] for case in ("plain", "pass", "renew", "eddsa", "tls")}
        everybody = ["nginx", "nginx-again", "haproxy", "caddy", "envoy", "slidegate"]
        self.assertEqual(parts, {
            "plain": everybody, "tls": everybody, "pass": ["nginx", "nginx-again", "haproxy", "envoy", "slidegate"],
            "renew": ["nginx", "nginx-again", "haproxy", "slidegate"], "eddsa": ["nginx", "nginx-again", "envoy", "slidegate"]})
        self.assertFalse(any(verifies(name, LOADS["plain"]) for name in CONTENDERS))

    def test_templates(self):
        template = "a $PORT $N\n  #tls only\n#open,tls both\n#each r$N $PORT\n#note no\n# a comment\n"
        self.assertEqual(fill(template, {"tls"}, {"PORT": 1}, 2), "a 1 $N\n  only\nr00000 1\nr00001 1\n# a comment\n")
        self.assertEqual(fill(template, {"open", "tls"}, {"PORT": 1}), "a 1 $N\n  only\nboth\n# a comment\n")


class Report(unittest.TestCase):
    def test_ratios_are_made_within_a_round(self):
        records = [
            {"case": "pass", "contender": contender, "round": number + 1, "cpu_us": cost}
            for contender, costs in (("nginx", (10, 20, 40)), ("slidegate", (9, 16, 44))) for number, cost in enumerate(costs)]
        rows = summarize(MEASUREMENTS["load"], records)
        self.assertEqual(rows[1]["cpu_us_ratio_to_nginx"], {"median": 0.9, "min": 0.8, "max": 1.1})
        self.assertEqual(rows[1]["cpu_us"], {"median": 16, "min": 9, "max": 44})
        self.assertIn("| pass | slidegate | 16.00 (9.00–44.00) | 0.90 (0.80–1.10) |", table(MEASUREMENTS["load"], rows))


if __name__ == "__main__":
    unittest.main()
