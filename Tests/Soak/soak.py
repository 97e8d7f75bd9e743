"""Runs the gateway under a mixed load with faults and says whether it stayed well. Called by deploy/soak.

One process holds the origin, which misbehaves by path, and the clients, which count what they see. At the end:
  - memory and descriptors, sampled every second, must not have grown since the first quarter of the time;
  - every line that the gateway wrote must be of a known kind;
  - what the gateway counted must be what the clients saw. A request that a client gave up on may have been counted or
    not, so each count has to lie between what was seen and that plus what was given up;
  - the gateway must have ended by itself, with exit code 0, when it was asked to.
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import secrets
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time

LIFETIME = 3600
BUFFER = 600

# Every line that a gateway under this load may write, and why it may.
EXPECTED_LINES = [
    r"slidegate: (listening|administration) on ",
    r"slidegate: configuration reloaded from ",  # the SIGHUPs
    r"slidegate: (draining, at most|stopped;) ",  # the SIGTERM at the end
    r"slidegate: warning: \d+ file descriptors allow for ",  # a machine with a low limit
    r"\S+ renewed ",
    r"\S+ refused status=401 code=\S+ reason=(\S*expired\S*|\S*missing\S*|no_token) ",
    r"\S+ failed status=50[24] code=upstream_\w+",  # reset, garbage, stall
    r"\S+ failed status=400 code=\w+",  # heads that break off or are no HTTP
    r"\S+ failed status=408 code=\w+",  # clients that stop in the middle
    r"\S+ cut_short code=(upstream|client|downstream)_\w+",  # origins and clients that break off in the middle
    r"\S+ note \d+ more refusals in one second are not logged",
    r"\S+ tunnel(_closed)? ",
]


class Seen:
    """What the clients saw, and what they gave up on."""

    def __init__(self):
        self.statuses = collections.Counter()
        self.counts = collections.Counter()
        self.unexplained = collections.Counter()
        self.latencies = []

    def strange(self, text):
        self.unexplained[text] += 1


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Minter:
    """Tokens, each used for a while, as clients do. The gateway keeps those that it has verified, up to a bound of some megabytes
    for each worker: with a new one for each request, filling that up would look like a leak."""

    USED_FOR = 20  # seconds

    def __init__(self, secret):
        self.secret = secret.encode()
        self.made = {}

    def token(self, subject, remaining):
        token, since = self.made.get((subject, remaining), (None, 0))
        now = time.monotonic()
        if token is None or now - since > self.USED_FOR:
            token = self.make(subject, remaining)
            self.made[subject, remaining] = (token, now)
        return token

    def make(self, subject, remaining):
        end = int(time.time()) + remaining
        claims = {"sub": f"user-{subject}", "iat": end - LIFETIME, "exp": end, "jti": secrets.token_hex(8)}
        signing_input = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
        mac = hmac.new(self.secret, signing_input, hashlib.sha256).digest()
        return (signing_input + b"." + encode(mac)).decode()


# MARK: The origin

def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def read_head(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return first, fields


async def read_body(reader, fields):
    if fields.get("transfer-encoding") == "chunked":
        total = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            total += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return total
    return await reader.readexactly(int(fields.get("content-length", 0)))


class Origin:
    """Misbehaves by path. Echoes what else it is sent."""

    def __init__(self):
        self.requests = 0

    async def serve(self, reader, writer):
        try:
            while True:
                first, fields = await read_head(reader)
                self.requests += 1
                if not await self.answer(first.split(" ")[1], fields, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def answer(self, path, fields, reader, writer):
        if path.startswith("/tunnel"):
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            return False
        body = await read_body(reader, fields)
        if path.startswith("/reset"):
            reset(writer)
            return False
        if path.startswith("/garbage"):
            writer.write(b"\x00\x01 this is no answer\r\n\r\n")
            await writer.drain()
            return False
        if path.startswith("/cut"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
            await writer.drain()
            reset(writer)
            return False
        if path.startswith("/stall"):
            await asyncio.sleep(5)
            return False
        if path.startswith("/slow"):
            await asyncio.sleep(0.3)
        if path.startswith("/chunked"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(4):
                writer.write(b"400\r\n" + b"y" * 1024 + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            answer = body or b"ok" * 32
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        await writer.drain()
        return True


# MARK: Clients

class Client:
    def __init__(self, port, minter, seen, ends_at):
        self.port, self.minter, self.seen, self.ends_at = port, minter, seen, ends_at
        self.random = random.Random(port)

    def goes_on(self):
        return time.monotonic() < self.ends_at

    async def connect(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.seen.counts["connections"] += 1
        return reader, writer

    def head(self, method, path, token=None, extra=""):
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        return f"{method} {path} HTTP/1.1\r\nHost: soak.example\r\n{authorization}{extra}\r\n".encode()

    async def answer(self, reader, expected, what):
        first, fields = await asyncio.wait_for(read_head(reader), 30)
        status = int(first.split(" ")[1])
        body = b"" if status == 101 else await asyncio.wait_for(read_body(reader, fields), 30)
        self.seen.statuses[status] += 1
        if "x-refresh-token" in fields:
            self.seen.counts["renewals"] += 1
        if status not in expected:
            self.seen.strange(f"{what}: status {status}, expected {expected}")
        return status, fields, body

    async def forever(self, act):
        """Runs `act` again and again on its own connections; whatever it does not expect is unexplained."""
        while self.goes_on():
            try:
                await act()
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError, ValueError) as error:
                self.seen.strange(f"{act.__name__}: {type(error).__name__}")
                self.seen.counts["uncertain"] += 1

    async def kept_alive(self):
        reader, writer = await self.connect()
        for number in range(200):
            if not self.goes_on():
                break
            renews = number % 10 == 0
            token = self.minter.token(self.random.randrange(20), 300 if renews else LIFETIME - 60)
            size = self.random.choice([0, 10, 3000, 40000])
            if number % 3 == 0 and size:
                payload = os.urandom(size)
                writer.write(self.head("POST", "/echo", token, f"Content-Length: {size}\r\n") + payload)
                _, fields, body = await self.answer(reader, {200}, "echo")
                if body != payload:
                    self.seen.strange("echo: other content came back")
            else:
                writer.write(self.head("GET", "/chunked" if number % 7 == 0 else "/", token))
                _, fields, _ = await self.answer(reader, {200}, "get")
            self.seen.counts["exchanges"] += 1
            if renews != ("x-refresh-token" in fields):
                self.seen.strange("a renewal was due and did not come, or came undue")
        writer.close()

    async def refused(self):
        reader, writer = await self.connect()
        for number in range(50):
            token = self.minter.token(1, -60) if number % 2 else None
            writer.write(self.head("GET", "/", token))
            await self.answer(reader, {401}, "refused")
            self.seen.counts["refusals"] += 1
            await asyncio.sleep(0.02)
        writer.close()

    async def chunked_upload(self):
        reader, writer = await self.connect()
        writer.write(self.head("POST", "/echo", self.minter.token(2, 3000), "Transfer-Encoding: chunked\r\n"))
        sent = b""
        for _ in range(20):
            piece = os.urandom(self.random.randrange(1, 9000))
            sent += piece
            writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.005)
        writer.write(b"0\r\n\r\n")
        _, _, body = await self.answer(reader, {200}, "upload")
        self.seen.counts["exchanges"] += 1
        if body != sent:
            self.seen.strange("upload: other content came back")
        writer.close()

    async def slow(self):
        reader, writer = await self.connect()
        head = self.head("GET", "/slow", self.minter.token(3, 3000))
        for start in range(0, len(head), 25):  # above the least rate that clients are held to
            writer.write(head[start:start + 25])
            await asyncio.sleep(0.01)
        await self.answer(reader, {200}, "slow")
        self.seen.counts["exchanges"] += 1
        writer.close()

    async def aborted(self):
        """Gives up at any point: within the head, before the answer, within it."""
        _, writer = await self.connect()
        head = self.head("GET", self.random.choice(["/slow", "/chunked", "/"]), self.minter.token(4, 3000))
        writer.write(head[: self.random.choice([10, len(head) - 1, len(head), len(head)])])
        await writer.drain()
        await asyncio.sleep(self.random.choice([0, 0.001, 0.1]))
        self.seen.counts["uncertain"] += 1
        reset(writer) if self.random.random() < 0.5 else writer.close()
        await asyncio.sleep(0.02)

    async def faulty_origin(self):
        for path, expected in [("/reset", {502}), ("/garbage", {502}), ("/stall", {504})]:
            reader, writer = await self.connect()
            writer.write(self.head("POST", path, self.minter.token(5, 3000), "Content-Length: 0\r\n"))
            await self.answer(reader, expected, path)
            self.seen.counts["failures"] += 1
            self.seen.counts["exchanges"] += 1
            writer.close()
        reader, writer = await self.connect()
        writer.write(self.head("GET", "/cut", self.minter.token(5, 3000)))
        self.seen.counts["uncertain"] += 1
        try:
            await self.answer(reader, set(), "/cut")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def malformed(self):
        reader, writer = await self.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        await self.answer(reader, {400}, "malformed")
        self.seen.counts["failures"] += 1
        writer.close()
        await asyncio.sleep(0.1)

    async def tunnel(self):
        reader, writer = await self.connect()
        writer.write(self.head("GET", "/tunnel", self.minter.token(6, 3000), "Connection: Upgrade\r\nUpgrade: echo\r\n"))
        await self.answer(reader, {101}, "tunnel")
        self.seen.counts["exchanges"] += 1
        self.seen.counts["tunnels_opened"] += 1
        for _ in range(50):
            message = os.urandom(self.random.randrange(1, 20000))
            writer.write(message)
            if await asyncio.wait_for(reader.readexactly(len(message)), 30) != message:
                self.seen.strange("tunnel: other bytes came back")
            await asyncio.sleep(0.01)
        writer.close()


# MARK: The gateway

class Gateway:
    def __init__(self, program, folder, origin_port):
        self.folder = folder
        self.port, self.admin_port = free_port(), free_port()
        self.minter = Minter(secrets.token_hex(32))
        (folder / "secret").write_bytes(self.minter.secret)
        (folder / "secret").chmod(0o600)
        (folder / "slidegate.yaml").write_text(f"""
listen: 127.0.0.1:{self.port}
workers: 2
upstreams:
  api:
    servers: [ {{ address: 127.0.0.1:{origin_port} }} ]
    timeouts: {{ connect: 5s, response: 2s, idle: 2s }}
key: {{ algorithm: HS256, secret_file: secret }}
sliding: {{ buffer: {BUFFER}s }}
timeouts: {{ drain: 10s, drain_idle: 0s }}
admin: {{ address: "127.0.0.1:{self.admin_port}" }}
""")
        self.program = program
        self.samples = []

    async def start(self):
        self.log = open(self.folder / "log", "wb")
        self.process = await asyncio.create_subprocess_exec(
            self.program, "serve", str(self.folder / "slidegate.yaml"), stdout=self.log, stderr=self.log)
        for _ in range(100):
            if "listening on" in self.lines():
                return
            await asyncio.sleep(0.1)
        raise SystemExit(f"the gateway does not start:\n{self.lines()}")

    def lines(self):
        return (self.folder / "log").read_text(errors="replace")

    def sample(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        return resident, len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def descriptors(self):
        """How many there are of each kind."""
        folder = pathlib.Path(f"/proc/{self.process.pid}/fd")
        return collections.Counter(re.sub(r"[0-9]+", "N", os.readlink(entry)) for entry in folder.iterdir())

    async def watch(self, ends_at):
        while time.monotonic() < ends_at:
            self.samples.append((time.monotonic(), *self.sample()))
            await asyncio.sleep(1)

    async def reload(self, ends_at):
        while time.monotonic() < ends_at:
            await asyncio.sleep(7)
            self.process.send_signal(signal.SIGHUP)

    async def metrics(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.admin_port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        _, fields = await read_head(reader)
        text = (await read_body(reader, fields)).decode()
        writer.close()
        return {name: float(value) for name, value in re.findall(r"^([a-z_]+) (\S+)$", text, re.MULTILINE)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# MARK: Judgement

def growth(samples, column):
    """How much the least-squares line rises over the samples behind the first quarter, and the mean of those."""
    samples = samples[len(samples) // 4:]
    times = [sample[0] for sample in samples]
    values = [sample[column] for sample in samples]
    mean_time, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((moment - mean_time) ** 2 for moment in times) or 1
    slope = sum((moment - mean_time) * (value - mean) for moment, value in zip(times, values)) / spread
    return slope * (times[-1] - times[0]), mean


class Report:
    def __init__(self):
        self.is_well = True

    def line(self, is_well, text):
        self.is_well = self.is_well and is_well
        print(f"{'ok    ' if is_well else 'FAILED'}  {text}")


def judge(report, gateway, seen, counted, idle_before, idle_after, exit_code):
    report.line(exit_code == 0, f"the gateway ended with exit code {exit_code}")

    rise, mean = growth(gateway.samples, 1)
    report.line(rise <= max(2048, 0.05 * mean), f"resident memory: {mean:.0f} KiB on average, {rise:+.0f} KiB from the first quarter on")
    rise, mean = growth(gateway.samples, 2)
    report.line(rise <= max(16, 0.1 * mean), f"descriptors: {mean:.0f} on average, {rise:+.1f} from the first quarter on")
    report.line(
        not idle_after - idle_before,
        f"descriptors when idle: {idle_before.total()} before, {idle_after.total()} after; more: {dict(idle_after - idle_before)}")

    strange = collections.Counter()
    kinds = collections.Counter()
    for line in gateway.lines().splitlines():
        pattern = next((pattern for pattern in EXPECTED_LINES if re.match(pattern, line)), None)
        if pattern is None:
            strange[line[:160]] += 1
        else:
            kinds[pattern] += 1
    report.line(not strange, f"log: {sum(kinds.values())} lines of known kinds, {sum(strange.values())} of others")
    for line, count in strange.most_common(10):
        print(f"          {count} x {line}")

    for text, count in seen.unexplained.most_common(10):
        print(f"          {count} x {text}")
    report.line(not seen.unexplained, f"clients: {sum(seen.unexplained.values())} unexplained events; statuses {dict(seen.statuses)}")

    uncertain = seen.counts["uncertain"]
    for name, slack in [
        ("connections", 0), ("exchanges", uncertain), ("renewals", uncertain), ("refusals", 0), ("failures", uncertain),
        ("tunnels_opened", 0),
    ]:
        least, value = seen.counts[name], counted.get(f"slidegate_{name}_total", -1)
        report.line(least <= value <= least + slack, f"{name}: {value:.0f} counted, {least} seen, at most {slack} given up")
    for name in ["connections", "exchanges", "tunnels"]:
        value = counted.get(f"slidegate_{name}", -1)
        report.line(value == 0, f"{name} under way at the end: {value:.0f}")
    for name in ["mint_failures", "rejected_connections", "shed_requests", "accept_pauses"]:
        value = counted.get(f"slidegate_{name}_total", -1)
        report.line(value == 0, f"{name}: {value:.0f}")


async def bulk(gateway, seen, seconds):
    """wrk with a token that needs no renewal: most of the requests. What it has under way at its end is given up."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return
    connections = 16
    token = gateway.minter.token(7, LIFETIME - 60)
    process = await asyncio.create_subprocess_exec(
        wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}",
        f"http://127.0.0.1:{gateway.port}/", stdout=asyncio.subprocess.PIPE)
    output = (await process.communicate())[0].decode()
    done = int(re.search(r"(\d+) requests in", output).group(1))
    seen.counts["exchanges"] += done
    seen.counts["uncertain"] += connections
    seen.counts["connections"] += connections + 1  # with one it finds out whether there is a server
    if problem := re.search(r"(Socket errors|Non-2xx).*", output):
        seen.strange(f"wrk: {problem.group(0)}")


async def soak(program, minutes, folder):
    origin = Origin()
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    gateway = Gateway(program, folder, server.sockets[0].getsockname()[1])
    await gateway.start()
    await gateway.metrics()
    idle_before = gateway.descriptors()
    seconds = int(minutes * 60)
    ends_at = time.monotonic() + seconds
    seen = Seen()
    client = Client(gateway.port, gateway.minter, seen, ends_at)
    kinds = [client.kept_alive] * 6 + [
        client.refused, client.chunked_upload, client.chunked_upload, client.slow, client.slow, client.aborted, client.aborted,
        client.faulty_origin, client.malformed, client.tunnel, client.tunnel,
    ]
    await asyncio.gather(
        gateway.watch(ends_at), gateway.reload(ends_at), bulk(gateway, seen, seconds),
        *[client.forever(kind) for kind in kinds])
    await asyncio.sleep(6)  # behind the idle time of the pool and the stall of the origin
    counted = await gateway.metrics()
    await asyncio.sleep(1)
    idle_after = gateway.descriptors()
    gateway.process.send_signal(signal.SIGTERM)
    try:
        exit_code = await asyncio.wait_for(gateway.process.wait(), 30)
    except asyncio.TimeoutError:
        gateway.process.kill()
        exit_code = "none, it was killed"
    report = Report()
    print(f"{minutes:g} minutes, {seen.counts['exchanges']} exchanges seen, {origin.requests} requests at the origin")
    judge(report, gateway, seen, counted, idle_before, idle_after, exit_code)
    return report.is_well


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--folder", type=pathlib.Path, help="where the configuration and the log are kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sys.exit(0 if asyncio.run(soak(arguments.program, arguments.minutes, folder)) else 1)


if __name__ == "__main__":
    main()
