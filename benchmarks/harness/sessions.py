"""Sessions: refreshes a second on each store, and what a million revocations cost a request that is none of them."""

import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request

from .cases import LOADS, checked_answer
from .contenders import HERE, Server
from .load import CONNECTIONS, measure, wrk
from .processes import Failure, Process, free_port, on_processors

SCRIPT = os.path.join(HERE, "..", "load", "refresh.lua")
REVOKED = 1_000_000
STORES = {
    "refresh-sqlite": "refreshes on SQLite, each on the disk before it is answered",
    "refresh-redis": "refreshes on Redis, each in its append-only file before it is answered (appendfsync always)",
}
REVOCATIONS = {"revoked": "pass and cold with a million revocations in memory, beside none and beside no sessions at all"}


class Gateway(Server):
    """slidegate with sessions in `store`."""

    def __init__(self, folder, processors, secret, backend_port, store):
        self.admin_port = free_port()
        self.admin_secret = secrets.token_hex(32)
        for name, content in (("admin.secret", self.admin_secret), ("refresh.secret", secrets.token_hex(32))):
            with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(content)
        super().__init__(
            "slidegate", folder, processors, secret, backend_port, template="slidegate-sessions.yaml",
            more={"ADMIN_PORT": self.admin_port, "STORE": store})

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

    def is_ready(self):
        self.administer("/readyz", within=60)


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


def run_refreshes(names, backend, secret, folder, placement, rounds, seconds):
    """Every round measures every store. One record each."""
    records = []
    for turn in range(rounds):
        for name in names:
            records.append({"case": name, "round": turn + 1, **run_refresh(name, backend, secret, folder, placement, seconds)})
            record = records[-1]
            print(
                f"round {turn + 1}/{rounds}  {name:<15}  {record['refreshes_per_second']:7.0f}/s  "
                f"{record['cpu_us']:6.1f} µs each  p50 {record['p50_us'] / 1000:6.2f} ms  p99 {record['p99_us'] / 1000:6.2f} ms",
                file=sys.stderr, flush=True)
    return records


def run_refresh(name, backend, secret, folder, placement, seconds):
    redis = None
    if name == "refresh-redis":
        place = os.path.join(folder, f"redis-{secrets.token_hex(4)}")
        os.mkdir(place)
        redis = Redis(place, placement.backend)
        store = f"redis://127.0.0.1:{redis.port}/0"
    else:
        store = "sqlite:" + os.path.join(folder, f"sessions-{secrets.token_hex(4)}.db")
    gateway = None
    try:
        gateway = Gateway(folder, placement.proxy, secret, backend.port, store)
        gateway.is_ready()
        tokens = os.path.join(folder, "refresh-tokens")
        with open(tokens, "w") as file:
            for number in range(2 * CONNECTIONS):
                answer = json.loads(gateway.administer("/sessions", {"claims": {"sub": f"user-{number:07d}", "role": "member"}}))
                file.write(answer["refresh_token"] + "\n")
        before = gateway.processor_time()[0]
        load = spend(gateway, tokens, seconds, placement)
        after = gateway.processor_time()[0]
        gateway.fail_if_gone()
        if load["refused"] or load["errors"]:
            raise Failure(f"{name}: {load['refused']} refreshes refused, {load['errors']} errors, of {load['requests']}")
        return {
            "requests": load["requests"], "refreshes_per_second": load["requests"] / (load["duration_us"] / 1e6),
            "cpu_us": (after - before) / 1000 / load["requests"],
            **{figure: load[figure] for figure in ("p50_us", "p99_us", "max_us")}}
    finally:
        for process in (gateway, redis):
            if process:
                process.stop()


def spend(gateway, tokens, seconds, placement):
    command = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", SCRIPT,
        f"http://127.0.0.1:{gateway.port}/auth/refresh", "--", tokens]
    with on_processors(placement.load):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 60)
    found = re.search(r"^JSON (.*)$", result.stdout, re.M)
    if result.returncode != 0 or not found:
        raise Failure(f"wrk failed ({result.returncode}):\n{result.stdout}{result.stderr}")
    return json.loads(found.group(1))


def revoked_store(folder, processors, secret, backend_port):
    """Two SQLite files made by slidegate itself, one of which has a million revocations of tokens that nobody presents."""
    empty, full = os.path.join(folder, "nothing-revoked.db"), os.path.join(folder, "million-revoked.db")
    for path in (empty, full):
        gateway = Gateway(folder, processors, secret, backend_port, f"sqlite:{path}")
        try:
            gateway.is_ready()
        finally:
            gateway.stop()
    end = int(time.time()) + 86_400
    with sqlite3.connect(full) as database:
        database.executemany(
            "INSERT INTO revocation (kind, name, before, expires_at) VALUES (?, ?, ?, ?)",
            ((("jti", "sid", "sub")[number % 3], f"revoked-{number:016x}", end - 90_000 if number % 3 == 2 else None, end)
             for number in range(REVOKED)))
    database.close()
    return empty, full


def run_revocations(backend, tokens, secret, folder, placement, rounds, seconds):
    """pass and cold by slidegate without sessions, with none revoked, and with a million; interleaved. And the memory."""
    empty, full = revoked_store(folder, placement.proxy, secret, backend.port)
    variants = {"no sessions": None, "nothing revoked": empty, "a million revoked": full}
    records = []
    for turn in range(rounds):
        for case in (LOADS["pass"], LOADS["cold"]):
            shift = turn % len(variants)
            names = list(variants)
            for name in names[shift:] + names[:shift]:
                record = run_variant(case, variants[name], backend, tokens, secret, folder, placement, seconds)
                if variants[name] and record.pop("entries") != (REVOKED if variants[name] == full else 0):
                    raise Failure(f"{name}: the gateway does not hold what the store does")
                records.append({"case": case.name, "variant": name, "round": turn + 1, **record})
                print(
                    f"round {turn + 1}/{rounds}  {case.name:<5} {name:<18} {record['cpu_us']:6.2f} µs/request  "
                    f"{record['rss_kib'] / 1024:6.1f} MiB resident", file=sys.stderr, flush=True)
    return records


def run_variant(case, database, backend, tokens, secret, folder, placement, seconds):
    path, first, token = None, 1, tokens.one(case)
    if case.distinct:
        path = tokens.file(case)
        with open(path) as lines:
            token = lines.readline().strip()
        first = tokens.first
    if database:
        server = Gateway(folder, placement.proxy, secret, backend.port, f"sqlite:{database}")
    else:
        server = Server("slidegate", folder, placement.proxy, secret, backend.port)
    try:
        if database:
            server.is_ready()
        server.first_answer(token)
        resident = server.memory()["Rss"]  # before the caches of tokens fill
        expected = checked_answer(server, case, tokens, token)
        one = None if path else token
        wrk(server, 1, placement.load, one, path)
        record = measure(server, seconds, placement, expected, one, path, first)
        record["rss_kib"] = resident
        if database:
            record["entries"] = int(server.metric("slidegate_revocation_entries"))
        return record
    finally:
        server.stop()
