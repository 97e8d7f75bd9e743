"""Sessions: refreshes a second on each store, and what a million revocations cost a request that is none of them."""

import json
import os
import re
import secrets
import shutil
import sqlite3
import time
import urllib.request

from .cases import LOADS
from .contenders import HERE, Server, first_answer, write
from .load import CONNECTIONS, accounted, measure, warmed_up, wrk
from .processes import Failure, Process, free_port

SCRIPT = os.path.join(HERE, "..", "load", "refresh.lua")
REVOKED = 1_000_000
STORES = {
    "refresh-sqlite": "refreshes on SQLite, each on the disk before it is answered",
    "refresh-redis": "refreshes on Redis, each in its append-only file before it is answered (appendfsync always)",
}
# name -> its load
REVOCATIONS = {"revoked-pass": "pass", "revoked-cold": "cold"}
NOTHING_REVOKED = "nothing revoked"
VARIANTS = ("no sessions", NOTHING_REVOKED, "a million revoked")


class Gateway(Server):
    """slidegate with sessions in `store`."""

    def __init__(self, case, bench, store):
        self.admin_port = free_port()
        self.admin_secret = secrets.token_hex(32)
        for name, content in (("admin.secret", self.admin_secret), ("refresh.secret", secrets.token_hex(32))):
            write(os.path.join(bench.folder, name), content)
        super().__init__(
            "slidegate", case, bench, template="slidegate-sessions.yaml", more={"ADMIN_PORT": self.admin_port, "STORE": store})
        try:
            self.administer("/readyz", within=60)
        except BaseException:
            self.stop()
            raise

    def administer(self, path, content=None, within=10.0):
        """What the administration listener answers, as text; waits until it does."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.admin_port}{path}", headers={"Authorization": f"Bearer {self.admin_secret}"})
        if content is not None:
            request.data = json.dumps(content).encode()
            request.add_header("Content-Type", "application/json")
        deadline = time.perf_counter() + within
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.read().decode()
            except OSError as error:
                self.fail_if_gone()
                if time.perf_counter() > deadline:
                    raise Failure(f"slidegate's administration: {path}: {error}") from None
                time.sleep(0.02)

    def metric(self, name):
        found = re.search(rf"^{name} (\S+)$", self.administer("/metrics"), re.M)
        if not found:
            raise Failure(f"slidegate has no metric {name}")
        return float(found.group(1))


class Redis(Process):
    """A Redis of the run's own, as durable as it can be."""

    def __init__(self, folder, processors):
        self.port = free_port()
        program = shutil.which("redis-server")
        if not program:
            raise Failure("redis-server is not installed")
        super().__init__(
            "redis", [
                program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes",
                "--appendfsync", "always"], processors, os.path.join(folder, "redis.log"))


def measure_refresh(bench, name, contender):
    """Every client spends the refresh token that came with its last answer."""
    place = os.path.join(bench.folder, f"store-{secrets.token_hex(4)}")
    os.mkdir(place)
    redis = Redis(place, bench.chosen.backend) if name == "refresh-redis" else None
    gateway = None
    try:
        gateway = Gateway(LOADS["pass"], bench, f"redis://127.0.0.1:{redis.port}/0" if redis else f"sqlite:{place}/sessions.db")
        tokens = os.path.join(place, "tokens")
        with open(tokens, "w") as file:
            for number in range(2 * CONNECTIONS):
                answer = json.loads(gateway.administer("/sessions", {"claims": {"sub": f"user-{number:07d}", "role": "member"}}))
                file.write(answer["refresh_token"] + "\n")
        load, cost = accounted(
            gateway, bench.chosen.proxy,
            lambda: wrk(gateway, bench.seconds, bench.chosen.load, tokens, script=SCRIPT, path="/auth/refresh"))
    finally:
        for process in (gateway, redis):
            if process:
                process.stop()
        shutil.rmtree(place)
    if load["refused"] or load["errors"]:
        raise Failure(f"{name}: {load['refused']} refreshes refused, {load['errors']} errors, of {load['requests']}")
    return {
        "requests": load["requests"], "refreshes_per_second": load["requests"] / (load["duration_us"] / 1e6), **cost,
        **{figure: load[figure] for figure in ("p50_us", "p99_us", "max_us")}}


def revoked_store(bench):
    """Two SQLite files made by slidegate itself, one of which has a million revocations of tokens that nobody presents."""
    empty, full = (os.path.join(bench.folder, f"{what}-revoked.db") for what in ("nothing", "million"))
    for path in (empty, full):
        Gateway(LOADS["pass"], bench, f"sqlite:{path}").stop()
    end = int(time.time()) + 86_400
    with sqlite3.connect(full) as database:
        database.executemany(
            "INSERT INTO revocation (kind, name, before, expires_at) VALUES (?, ?, ?, ?)",
            ((("jti", "sid", "sub")[number % 3], f"revoked-{number:016x}", end - 90_000 if number % 3 == 2 else None, end)
             for number in range(REVOKED)))
    database.close()
    return {NOTHING_REVOKED: (empty, 0), VARIANTS[2]: (full, REVOKED)}


def measure_revoked(bench, name, variant):
    """A load whose tokens are not revoked, by slidegate without sessions, with none revoked, or with a million."""
    case = LOADS[REVOCATIONS[name]]
    database, entries = bench.once("revoked", lambda: revoked_store(bench)).get(variant, (None, 0))
    bench.tokens.requests(case)
    server = Gateway(case, bench, f"sqlite:{database}") if database else Server("slidegate", case, bench)
    try:
        first_answer(server)
        resident = server.memory()["Rss"] / 1024  # before the caches of tokens fill
        record = measure(server, case, bench, warmed_up(server, case, bench))
        if database and server.metric("slidegate_revocation_entries") != entries:
            raise Failure(f"{variant}: the gateway does not hold what the store does")
    finally:
        server.stop()
    return {**record, "rss_mib": resident}
