"""Kills the gateway at random points under refreshing clients, again and again, and holds it to what it has answered.

    crash.py BINARY ROUNDS --folder FOLDER [--clients N] [--seed N]

Goal: with sessions in SQLite, an answer is a promise. Method: clients log in and refresh without a pause; the gateway gets
SIGKILL at a random moment, often in the middle of a commit or between the commit and the answer, and is started again, now at
once, now after longer than the grace. A client that got no answer asks again with the token that it has, until it is answered.

Held after each kill:
- whoever was answered goes on with what the answer gave, and whoever was not goes on with what it had before;
- a token that was used up two answers ago, or one answer ago and longer than the grace before the kill, is refused, and ends its
  session as reuse. A start after a kill begins the grace anew, so that needs a life that is longer than it: now and then there
  is one;
- who was answered that they are logged out stays so, with the refresh token and with the access token;
- the files, as the kill left them, pass SQLite's integrity check (on a copy, so that the gateway itself recovers them), and
  only their owner may read them.

Ends with a line of figures; the exit code is 1 when something was not as promised.
"""

import argparse
import base64
import collections
import http.client
import http.server
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

GRACE = 2  # seconds
SETTLE = 5 + 2 + 1  # how far behind the gateway may have written down what is settled (`Settlement`), and a second's rounding
CYCLE = 20  # rounds; in each, one pause that is longer than the grace, and one life
LONG_LIFE, LONG_PAUSE = 4, 7


class Upstream(http.server.BaseHTTPRequestHandler):
    """Lets everybody in who logs in, and serves who comes through."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        name = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.answer(b"{}", {"X-Session-Claims": json.dumps({"sub": name})})

    def do_GET(self):
        self.answer(b"hello", {})

    def answer(self, body, fields):
        self.send_response(200)
        for name, value in {**fields, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """The gateway's connections break with it."""


class NoAnswer(Exception):
    """The connection broke, or could not be made: what was asked may have been done."""


class Broken(Exception):
    """A promise was."""


def counter_of(token):
    """How many rotations are behind a refresh token: `RefreshToken`."""
    return int.from_bytes(base64.urlsafe_b64decode(token[4:] + "==")[17:21], "big")


class Client:
    """One session, in one thread's hands. `tokens` has all refresh tokens of it that were given out, in that order."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.connection = None
        self.tokens, self.access, self.answered_at = [], None, 0.0
        self.ended = False

    def ask(self, method, path, body=None, fields=None):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=20)
            self.connection.request(method, path, body, fields or {})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection = None
            raise NoAnswer from error
        if answer.getheader("Connection", "").lower() == "close":
            self.connection = None
        return answer.status, text

    def until_answered(self, *request, **more):
        """Asks again until there is an answer that is not about the moment; how often there was none."""
        losses = 0
        while True:
            self.world.check()
            try:
                status, text = self.ask(*request, **more)
                if status not in (502, 503):
                    return status, text, losses
            except NoAnswer:
                losses += 1
            time.sleep(0.005)

    def log_in(self):
        self.tokens, self.ended = [], False
        status, text, _ = self.until_answered("POST", "/login", self.name)
        self.take(status, text, "a login")

    def take(self, status, text, what):
        if status != 200:
            raise Broken(f"{what} of {self.name} was answered with {status} {text[:200]!r}")
        answer = json.loads(text)
        self.tokens.append(answer["refresh_token"])
        self.access = answer["access_token"]
        self.answered_at = time.monotonic()

    def present(self, token):
        form = urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": token})
        return self.until_answered("POST", "/oauth/token", form, {"Content-Type": "application/x-www-form-urlencoded"})

    def refresh(self):
        before = self.tokens[-1]
        status, text, losses = self.present(before)
        self.take(status, text, f"a refresh (asked {losses + 1} times)")
        if counter_of(self.tokens[-1]) != counter_of(before) + 1:
            raise Broken(f"{self.name} got the successor {counter_of(self.tokens[-1])} of {counter_of(before)}")
        self.world.count["refreshes"] += 1
        self.world.count["answers lost"] += losses > 0

    def is_refused(self, token):
        status, text, _ = self.present(token)
        if status == 200:
            return False
        if status != 400 or json.loads(text)["error"] != "invalid_grant":
            raise Broken(f"{self.name} was refused with {status} {text[:200]!r}")
        return True

    def expect_reuse(self, token, kind):
        """`token` is used up: it must be refused, and the current one with it."""
        if not self.is_refused(token):
            raise Broken(f"a used-up token ({kind}) of {self.name} worked again")
        if not self.is_refused(self.tokens[-1]):
            raise Broken(f"{self.name} went on after the reuse of a token ({kind})")
        self.world.count[kind] += 1
        self.ended = True

    def log_out(self):
        status, text, _ = self.until_answered("POST", "/auth/logout", "", {"Authorization": f"Bearer {self.access}"})
        if status != 204:
            raise Broken(f"the logout of {self.name} was answered with {status} {text[:200]!r}")
        self.world.count["logouts"] += 1
        self.ended = True

    def expect_ended(self):
        """After an end that was answered: neither token is good for anything."""
        if not self.is_refused(self.tokens[-1]):
            raise Broken(f"{self.name} came back after the end of the session")
        status, text, _ = self.until_answered("GET", "/", None, {"Authorization": f"Bearer {self.access}"})
        if status != 401 or json.loads(text)["code"] != "token_revoked":
            raise Broken(f"an access token of {self.name} was answered with {status} after the end of the session")
        self.world.count["ends remembered"] += 1


class World:
    def __init__(self, arguments):
        self.binary, self.folder, self.rounds = arguments.binary, arguments.folder, arguments.rounds
        self.random = random.Random(arguments.seed)
        self.count = collections.Counter()
        self.failure = None
        self.stopped = False
        self.database = os.path.join(self.folder, "sessions.db")
        self.gateway = None
        self.upstream = Server(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.write_configuration()

    def write_configuration(self):
        for name in ("jwt", "refresh"):
            with open(os.path.join(self.folder, name), "w") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(base64.b64encode(os.urandom(48)).decode())
        with open(os.path.join(self.folder, "slidegate.yaml"), "w") as file:
            file.write(f"""
listen: 127.0.0.1:{self.port}
workers: 2
upstream: 127.0.0.1:{self.upstream.server_address[1]}
key: {{ algorithm: HS256, secret_file: jwt }}
sliding: {{ buffer: 1m }}
sessions:
  store: sqlite:{self.database}
  secret_file: refresh
  access: {{ lifetime: 10m }}
  refresh: {{ grace: {GRACE}s }}
  endpoints:
    login: {{ path: /login, preset: oauth2 }}
    refresh: {{ path: /oauth/token, preset: oauth2 }}
    logout: {{ path: /auth/logout }}
""")

    def check(self):
        if self.failure:
            raise Broken("another client has failed")

    # The gateway

    def start(self):
        began = time.monotonic()
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.gateway = subprocess.Popen(
            [self.binary, "serve", os.path.join(self.folder, "slidegate.yaml")], cwd=self.folder, stdout=self.log, stderr=self.log)
        while True:
            if self.gateway.poll() is not None:
                raise Broken(f"the gateway ended with {self.gateway.returncode} at its start")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if time.monotonic() - began > 30:
                    raise Broken("the gateway does not serve within 30 s")
                time.sleep(0.005)
        self.count["longest start, ms"] = max(self.count["longest start, ms"], round(1000 * (time.monotonic() - began)))

    def kill(self):
        self.gateway.kill()
        self.gateway.wait()
        self.log.close()
        self.inspect()

    def inspect(self):
        """The files as the kill left them. The copy has no shared memory: SQLite recovers it from the log as after a power cut."""
        copy = os.path.join(self.folder, "copy.db")
        for suffix in ("", "-wal"):
            if os.path.exists(copy + suffix):
                os.remove(copy + suffix)
            if os.path.exists(self.database + suffix):
                shutil.copy(self.database + suffix, copy + suffix)
        for suffix in ("", "-wal", "-shm", "-alive"):
            if os.path.exists(self.database + suffix) and os.stat(self.database + suffix).st_mode & 0o777 != 0o600:
                raise Broken(f"{self.database + suffix} has mode {oct(os.stat(self.database + suffix).st_mode)}")
        base = sqlite3.connect(copy)
        verdict = base.execute("PRAGMA integrity_check").fetchall()
        base.close()
        if verdict != [("ok",)]:
            raise Broken(f"integrity_check: {verdict[:3]}")
        self.count["integrity checks"] += 1

    # The clients

    def guard(self, work):
        try:
            work()
        except Exception as error:  # whatever it is: the run has failed
            self.failure = self.failure or error
            if not isinstance(error, Broken):
                raise

    def refresh_on(self, client):
        """Refreshes without a pause; now and then tries a token of two answers ago, or logs out, and begins anew."""
        dice = random.Random(self.random.random())
        client.log_in()
        while not self.stopped:
            client.refresh()
            roll = dice.random()
            if roll < 0.01 and len(client.tokens) > 2:
                client.expect_reuse(client.tokens[-3], "older tokens refused")
            elif roll < 0.02:
                client.log_out()
            if client.ended:
                client.expect_ended()
                with self.lock:
                    self.ended.append(client)
                client = Client(self, client.name)
                client.log_in()

    def run(self, clients):
        self.lock = threading.Lock()
        self.ended = []
        self.start()
        # Sessions that are refreshed once and then rest, until the grace of their first token is over.
        resting = collections.deque()
        threads = [
            threading.Thread(target=self.guard, args=(lambda client=Client(self, f"user{number}"): self.refresh_on(client),))
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        for number in range(self.rounds):
            rested = Client(self, f"rested{number}")
            rested.log_in()
            rested.refresh()
            resting.append(rested)
            settled = []
            if number % CYCLE == LONG_LIFE:
                settled = list(resting)
                resting.clear()
                time.sleep(GRACE + SETTLE)
            time.sleep(self.random.uniform(0.02, 0.4))
            self.check()
            self.kill()
            if number % CYCLE == LONG_PAUSE:
                time.sleep(GRACE + 1.5)
                self.count["pauses beyond the grace"] += 1
            self.start()
            self.count["kills"] += 1
            for rested in settled:
                rested.expect_reuse(rested.tokens[-2], "predecessors refused after their grace")
            # Some of those that have ended, in this life or an earlier one, are still remembered.
            with self.lock:
                sample = self.random.sample(self.ended, min(2, len(self.ended)))
            for client in sample:
                remembered = Client(self, client.name)
                remembered.tokens, remembered.access = client.tokens, client.access
                remembered.expect_ended()
        self.stopped = True
        for thread in threads:
            thread.join()
        self.check()
        # The rest of those that rest: time is up for all of them.
        for rested in resting:
            rested.refresh()
            self.count["rested sessions that go on"] += 1
        self.gateway.terminate()
        if self.gateway.wait(30) != 0:
            raise Broken(f"the gateway ended with {self.gateway.returncode}")
        self.inspect()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    arguments.binary = os.path.abspath(arguments.binary)
    arguments.folder = os.path.abspath(arguments.folder)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    os.makedirs(arguments.folder)
    world = World(arguments)
    began = time.monotonic()
    failure = None
    try:
        world.run(arguments.clients)
    except Exception as error:
        failure = world.failure or error
        world.failure = failure
    finally:
        world.stopped = True
        if world.gateway and world.gateway.poll() is None:
            world.gateway.kill()
    figures = ", ".join(f"{name}: {value}" for name, value in sorted(world.count.items()))
    print(f"{time.monotonic() - began:.0f} s; {figures}")
    with open(os.path.join(arguments.folder, "log"), "rb") as log:
        print(f"starts with rotations in doubt: {log.read().count(b'begins anew')}")
    if failure:
        print(f"FAILED: {type(failure).__name__}: {failure}")
        sys.exit(1)


main()
