"""What is asked of the contenders: the cases, as data, and the requests of each."""

import os
import random
import time
from dataclasses import dataclass

from .tokens import BUFFER, Minter

OUTSIDE, INSIDE = 3000, 550  # seconds left of a token: before its window of 600 s, and within it
MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """A load of small requests. Measured by wrk as fast as answers come, and some of them at a fixed rate too."""

    name: str
    title: str
    # Contenders verify tokens if they can; otherwise they are told not to look.
    verified: bool = True
    # Without the right verification the case means nothing, and only the yardstick may do without.
    about_tokens: bool = True
    token: bool = True
    algorithm: str = "HS256"
    remaining: int = OUTSIDE
    distinct: bool = False
    forged: bool = False
    tls: bool = False
    # A connection, and with TLS a full handshake, for each request.
    fresh: bool = False
    # Requests go to so many paths in turn; and so many routes are configured, one for each.
    paths: int = 1
    routes: int = 0
    workers: int = 1
    # Proxy, backend and load share all processors.
    shared: bool = False
    # slidegate writes an access log, and counts for an administration listener.
    logged: bool = False
    # The case that the same contender's figure is compared with.
    beside: str = ""

    @property
    def renews(self):
        return self.remaining == INSIDE and not self.forged


def _loads():
    yield Case("plain", "no tokens, nobody verifies: forwarding alone", verified=False, about_tokens=False, token=False)
    yield Case("pass", "the same valid token, outside its window")
    yield Case("renew", "the same valid token, inside its window: every answer carries a successor", remaining=INSIDE)
    yield Case("cold", "a different valid token with each request, outside its window", distinct=True)
    yield Case(
        "renew-cold", "a different valid token with each request, inside its window", remaining=INSIDE, distinct=True)
    for algorithm in ("RS256", "ES256", "EdDSA"):
        name = algorithm.lower()
        yield Case(name, f"as pass, the token signed by {algorithm}", algorithm=algorithm)
        yield Case(f"{name}-cold", f"as cold, tokens signed by {algorithm}", algorithm=algorithm, distinct=True)
    yield Case("refuse", "a token with a bad signature: 401", forged=True)
    yield Case("flood", "a different token with a bad signature with each request: 401", forged=True, distinct=True)
    for name, remaining, distinct in (("pass", OUTSIDE, False), ("renew", INSIDE, False), ("cold", OUTSIDE, True)):
        yield Case(
            f"{name}-logged", f"as {name}; slidegate writes a JSON access log to a file, nobody else any", remaining=remaining,
            distinct=distinct, logged=True, beside=name)
    yield Case("tls", "as pass, over TLS 1.3 on connections that stay open", about_tokens=False, tls=True)
    yield Case(
        "handshake", "as pass, over TLS 1.3 with a full handshake for each request", about_tokens=False, tls=True, fresh=True)
    yield Case("routes-1", "10,000 paths in turn, one route for all", about_tokens=False, paths=10_000)
    yield Case(
        "routes-10000", "10,000 paths in turn, a route for each", about_tokens=False, paths=10_000, routes=10_000,
        beside="routes-1")
    yield Case(
        "workers-1", "as pass, one worker; proxy, backend and load share all processors", about_tokens=False, shared=True)
    yield Case(
        "workers-2", "likewise with two workers", about_tokens=False, shared=True, workers=2, beside="workers-1")


LOADS = {case.name: case for case in _loads()}


@dataclass(frozen=True)
class Bulk:
    """Large content on a few connections that stay open."""

    name: str
    title: str
    size: int
    connections: int
    upload: bool = False
    tls: bool = False

    @property
    def path(self):
        return "/" if self.upload else f"/content/{self.size}"

    @property
    def load(self):
        """The case whose server, token and checks it shares."""
        return LOADS["tls" if self.tls else "pass"]


BULKS = {bulk.name: bulk for bulk in (
    Bulk("download-1m", "answers of 1 MiB", MIB, 8),
    Bulk("download-100m", "answers of 100 MiB", 100 * MIB, 2),
    Bulk("upload-1m", "requests of 1 MiB", MIB, 8, upload=True),
    Bulk("upload-100m", "requests of 100 MiB", 100 * MIB, 2, upload=True),
    Bulk("tls-download-1m", "answers of 1 MiB over TLS 1.3", MIB, 8, tls=True),
    Bulk("tls-download-100m", "answers of 100 MiB over TLS 1.3", 100 * MIB, 2, tls=True),
)}


@dataclass(frozen=True)
class Requests:
    """A file with a request-target and a token in each line, of which a measurement uses those from line `first` on."""

    file: str
    first: int
    count: int
    # What stands in its first line.
    target: str
    token: str


class Tokens:
    """The tokens of a run: minted when needed, and again before they could leave the case that they are for."""

    SPARE = 310  # seconds
    # More of one kind than any proxy verifies on one processor.
    A_SECOND = {"HS256": 80_000, "RS256": 30_000, "ES256": 20_000, "EdDSA": 20_000}

    def __init__(self, folder, seconds):
        """Enough for one second of warm-up, which uses those before `first`, and for `seconds` of measurement."""
        self.folder = folder
        self.seconds = seconds
        self.minters = {}
        self.forger = Minter("HS256")
        self.made = {}

    def minter(self, algorithm):
        if algorithm not in self.minters:
            self.minters[algorithm] = Minter(algorithm)
        return self.minters[algorithm]

    def requests(self, case):
        found, until = self.made.get(case.name, (None, 0))
        now = int(time.time())
        if now > until:
            found = self._make(case, now)
            self.made[case.name] = (found, now + case.remaining - (BUFFER if case.remaining > BUFFER else 0) - self.SPARE)
        return found

    def _make(self, case, now):
        minter = self.forger if case.forged else self.minter(case.algorithm)
        targets = ["/"] if case.paths == 1 else [f"/r{number:05d}/" for number in range(case.paths)]
        random.Random(1).shuffle(targets)
        a_second = self.A_SECOND[case.algorithm]
        first, count = (a_second + 1, a_second * (self.seconds + 1)) if case.distinct else (1, len(targets))
        path = os.path.join(self.folder, f"requests-{case.name}")
        token = minter.token(1, now, case.remaining) if case.token else ""
        with open(path, "w") as output:
            for number in range(count):
                if case.distinct and number:
                    output.write(f"{targets[0]} {minter.token(number + 1, now, case.remaining)}\n")
                else:
                    output.write(f"{targets[number % len(targets)]} {token}".rstrip() + "\n")
        return Requests(path, first, count, targets[0], token)
