"""What is asked of the contenders. Each case names the tokens that it sends and the answer that it must get."""

import os
import time
from dataclasses import dataclass

from .contenders import AUTHENTICATES, exchange
from .processes import Failure
from .tokens import Minter, check_successor, new_secret

OUTSIDE, INSIDE = 3000, 550  # seconds left of a token: before its window of 600 s, and within it


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    remaining: int
    distinct: bool = False
    forged: bool = False
    tls: bool = False
    # A connection, and with TLS a full handshake, for each request.
    fresh: bool = False

    @property
    def renews(self):
        return self.remaining == INSIDE and not self.forged


LOADS = {case.name: case for case in (
    Case("pass", "the same valid token, outside its window", OUTSIDE),
    Case("renew", "the same valid token, inside its window: every answer carries a successor", INSIDE),
    Case("cold", "a different valid token with each request, outside its window", OUTSIDE, distinct=True),
    Case("renew-cold", "a different valid token with each request, inside its window", INSIDE, distinct=True),
    Case("refuse", "a token with a bad signature: 401", OUTSIDE, forged=True),
    Case("tls", "pass over TLS 1.3, on connections that stay open", OUTSIDE, tls=True),
    Case("handshake", "pass over TLS 1.3, with a full handshake for each request", OUTSIDE, tls=True, fresh=True),
)}
MIB = 1 << 20


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
    def plain_case(self):
        """The case whose token and checks it shares."""
        return LOADS["tls" if self.tls else "pass"]


BULKS = {bulk.name: bulk for bulk in (
    Bulk("download-1m", "answers of 1 MiB", MIB, 8),
    Bulk("download-100m", "answers of 100 MiB", 100 * MIB, 2),
    Bulk("upload-1m", "requests of 1 MiB", MIB, 8, upload=True),
    Bulk("upload-100m", "requests of 100 MiB", 100 * MIB, 2, upload=True),
    Bulk("tls-download-1m", "answers of 1 MiB over TLS 1.3", MIB, 8, tls=True),
    Bulk("tls-download-100m", "answers of 100 MiB over TLS 1.3", 100 * MIB, 2, tls=True),
)}
OTHERS = {
    "idle": "memory of an idle keep-alive connection",
    "start": "time from exec to the first answer",
}


class Tokens:
    """The tokens of a run: minted when needed, and again before they could leave the case that they are for."""

    FRESH_FOR = 240  # seconds
    A_SECOND = 80_000  # more than any proxy answers on one processor

    def __init__(self, folder, secret, seconds):
        """Enough for one second of warm-up, which uses those before `first`, and for `seconds` of measurement."""
        self.folder = folder
        self.first = self.A_SECOND + 1
        self.count = self.A_SECOND * (seconds + 1)
        self.minter = Minter(secret)
        self.forger = Minter(new_secret())
        self.files = {}

    def one(self, case):
        return (self.forger if case.forged else self.minter).token(1, int(time.time()), case.remaining)

    def file(self, case):
        """A file of `count` different tokens, one a line."""
        path, minted = self.files.get(case.name, (None, 0))
        now = int(time.time())
        if now - minted > self.FRESH_FOR:
            path = os.path.join(self.folder, f"tokens-{case.name}")
            with open(path, "w") as output:
                for number in range(self.count):
                    output.write(self.minter.token(number, now, case.remaining) + "\n")
            self.files[case.name] = (path, now)
        return path


def checked_answer(server, case, tokens, token):
    """The answer that `server` gives in this case, thrice on one connection, after it has been found right."""
    answer = exchange(server, token, times=1 if case.fresh else 3, fresh=case.fresh)
    authenticates = server.name in AUTHENTICATES
    expected = 401 if case.forged and authenticates else 200
    if answer.status != expected:
        raise Failure(f"{server.name}, case {case.name}: answered {answer.status}, not {expected}: {answer.content!r}")
    if expected == 401 and "www-authenticate" not in answer.fields:
        raise Failure(f"{server.name}, case {case.name}: 401 without WWW-Authenticate")
    successor = answer.fields.get("x-refresh-token")
    if (successor is not None) != (case.renews and authenticates):
        raise Failure(f"{server.name}, case {case.name}: X-Refresh-Token is {successor!r}")
    if successor:
        try:
            check_successor(tokens.minter, token, successor, int(time.time()))
        except ValueError as error:
            raise Failure(f"{server.name}, case {case.name}: {error}") from None
        if "no-store" not in answer.fields.get("cache-control", ""):
            raise Failure(f"{server.name}, case {case.name}: an answer with a token that caches may keep")
    return answer
