"""The servers: the backends, and those that are measured before them."""

import base64
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

from .exchange import exchange
from .processes import Failure, Process, free_port
from .templates import fill

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATION = os.path.join(HERE, "..", "configuration")
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))


@dataclass(frozen=True)
class Contender:
    """A program, how it is run, and what it can do besides forwarding."""

    program: str
    template: str
    # Algorithms that it verifies. Who verifies none takes part where tokens make no difference, and as the yardstick.
    algorithms: frozenset = frozenset()
    renews: bool = False
    # Words of the command line; $FILE is what has been made of the template, other names are as in templates.
    arguments: tuple = ()
    environment: tuple = ()
    version: str = "-v"
    # Templates that the first one refers to.
    companions: tuple = ()
    optional: bool = False


# -e: before its file is read, nginx would open its log in /var/log.
NGINX = Contender("nginx", "nginx.conf", arguments=("-e", "$FILE.log", "-c", "$FILE"))
CONTENDERS = {
    "nginx": NGINX,
    # The yardstick measured twice: how far its ratio strays from 1 is the noise of the run.
    "nginx-again": NGINX,
    "haproxy": Contender(
        "haproxy", "haproxy.cfg", frozenset({"HS256", "RS256", "ES256"}), renews=True, arguments=("-db", "-f", "$FILE"),
        companions=("haproxy.map",)),
    "caddy": Contender(
        "caddy", "caddy.json", arguments=("run", "--config", "$FILE"), version="version",
        environment=(
            ("GOMAXPROCS", "$WORKERS"), ("HOME", "$FOLDER"), ("XDG_CONFIG_HOME", "$FOLDER"), ("XDG_DATA_HOME", "$FOLDER"))),
    "envoy": Contender(
        "envoy", "envoy.yaml", frozenset({"HS256", "RS256", "ES256", "EdDSA"}), version="--version", optional=True,
        arguments=("-c", "$FILE", "--concurrency", "$WORKERS", "--disable-hot-restart", "-l", "error")),
    "slidegate": Contender(
        "slidegate", "slidegate.yaml", frozenset({"HS256", "RS256", "ES256", "EdDSA"}), renews=True, version="--version",
        arguments=("serve", "$FILE")),
}
YARDSTICK = "nginx"


def program(name):
    """Where the program is, or None."""
    own = {"slidegate": ".build/release/slidegate", "envoy": ".build/envoy/bin/envoy"}.get(name, "")
    found = os.environ.get(f"SLIDEGATE_{'BINARY' if name == 'slidegate' else name.upper()}")
    if not found and name != "slidegate":
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if not found and own and os.path.exists(os.path.join(ROOT, own)):
        found = os.path.join(ROOT, own)
    if found and name == "envoy":
        # The package from PyPI puts a Python script there, whose start is not Envoy's.
        inside = os.path.join(os.path.dirname(found), "..", "lib", "python3*", "site-packages", "envoy", "_bin", "envoy")
        found = next(iter(glob.glob(inside)), found)
    return found or None


def present(name):
    return program(CONTENDERS[name].program) is not None


def version(name):
    """What the program calls itself."""
    contender = CONTENDERS[name]
    try:
        result = subprocess.run([program(contender.program), contender.version], capture_output=True, text=True, timeout=10)
    except (OSError, TypeError) as error:
        raise Failure(f"{name} cannot be run: {error}") from None
    # Some begin with their path, in which there may be other numbers.
    found = re.search(r"\d+\.\d+[\w.+~-]*", (result.stdout + result.stderr).replace(program(contender.program), ""))
    return found[0] if found else "unknown"


def suits(name, case):
    """Whether the contender can do what the case asks for. The yardstick forwards whatever it is sent, in every case."""
    contender = CONTENDERS[name]
    if contender.program == YARDSTICK or not case.about_tokens:
        return True
    return case.algorithm in contender.algorithms and (contender.renews or not case.renews)


def verifies(name, case):
    return case.verified and case.algorithm in CONTENDERS[name].algorithms


def write(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        output.write(content)


def configure(template, folder, name, flags, values, repeat=0):
    """The file made of a template of benchmarks/configuration. Returns its path."""
    with open(os.path.join(CONFIGURATION, template)) as source:
        text = fill(source.read(), flags, values, repeat)
    path = os.path.join(folder, name)
    write(path, text)
    return path


class Backend(Process):
    """The API behind every contender."""

    tls = False

    def __init__(self, folder, processors):
        self.port = free_port()
        values = {"FOLDER": folder, "PORT": self.port}
        file = configure("backend.conf", folder, "backend.conf", set(), values)
        super().__init__("backend", [program("nginx"), "-e", file + ".log", "-c", file], processors, file + ".log")
        first_answer(self)


class Sink(Process):
    """The backend for uploads."""

    tls = False

    def __init__(self, folder, processors):
        self.port = free_port()
        super().__init__(
            "sink", [sys.executable, "-B", os.path.join(HERE, "sink.py"), str(self.port)], processors,
            os.path.join(folder, "sink.log"))
        first_answer(self)


class Server(Process):
    """A contender, started on a free port as `case` wants it, before `backend`.

    `connections` is how many it must be able to hold on both sides together. `template` is its configuration where that is
    not the usual one, and `more` what that needs filled in besides. `under` is a command to run it under.
    """

    def __init__(self, name, case, bench, backend=None, connections=2048, template=None, more=None, under=()):
        contender = CONTENDERS[name]
        if not present(name):
            raise Failure(f"{name} is not there")
        self.port = free_port()
        self.tls = case.tls
        folder, key = bench.folder, bench.tokens.minter(case.algorithm).key
        flags = {
            "tls" if case.tls else "clear", "verify" if case.verified else "open", "routes" if case.routes else "one-route",
            "logged" if case.logged else "silent",
            "secret" if case.algorithm == "HS256" else "public"}
        values = {
            "FOLDER": folder, "PORT": self.port, "BACKEND_PORT": (backend or bench.backend).port, "CONNECTIONS": connections,
            "DESCRIPTORS": connections + 1000, "WORKERS": case.workers, "ALGORITHM": case.algorithm,
            "KEY_SET": json.dumps({"keys": [key.jwk]}), **(more or {})}
        if case.algorithm == "HS256":
            write(os.path.join(folder, "jwt.secret"), key.secret)
            values |= {
                "SECRET": key.secret, "SECRET_BASE64": base64.b64encode(key.secret.encode()).decode(),
                "HEADER": bench.tokens.minter("HS256").header.decode()}
        else:
            write(os.path.join(folder, "jwt.pem"), key.pem)
        template = template or contender.template
        for companion in contender.companions:
            configure(companion, folder, companion, flags, values, case.routes)
        values["FILE"] = configure(template, folder, f"{name}-{template}", flags, values, case.routes)
        command = [program(contender.program), *(fill(word, flags, values) for word in contender.arguments)]
        environment = {variable: fill(value, flags, values) for variable, value in contender.environment}
        super().__init__(
            name, [*under, *command], bench.placement(case).proxy, os.path.join(folder, f"{name}.log"), environment)


def first_answer(server, token="", within=15.0):
    """Asks until there is an answer. Returns the seconds from the start of the process to the last byte of it."""
    deadline = server.started_at + within
    while True:
        try:
            exchange(server, token)
            return time.perf_counter() - server.started_at
        except OSError:
            server.fail_if_gone()
            if time.perf_counter() > deadline:
                raise Failure(f"{server.name} does not answer within {within:g} s; its log ends:\n{server.log_end()}") from None
            time.sleep(0.0002)


def make_content(folder, size):
    """A file of `x` for the backend to send."""
    os.makedirs(os.path.join(folder, "content"), exist_ok=True)
    with open(os.path.join(folder, "content", str(size)), "wb") as file:
        for _ in range(size // 65536):
            file.write(b"x" * 65536)


def make_certificate(folder):
    """A P-256 key and a certificate for it, in the forms that the contenders read: apart, and in one file."""
    key, certificate = os.path.join(folder, "site.key"), os.path.join(folder, "site.pem")
    result = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"openssl made no certificate:\n{result.stderr}")
    os.chmod(key, 0o600)
    both = ""
    for part in (certificate, key):
        with open(part) as text:
            both += text.read()
    write(os.path.join(folder, "both.pem"), both)
