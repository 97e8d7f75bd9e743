"""The servers: the backend, and those that are measured before it."""

import base64
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager

from .processes import Failure, Process, free_port
from .tokens import HEADER_SEGMENT

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATION = os.path.join(HERE, "..", "configuration")
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))

# name -> what is run on the file made from the template. "nginx-again" is the yardstick measured twice: how far its
# ratio strays from 1 is the noise of the run.
TEMPLATES = {
    "backend": "backend.conf", "nginx": "nginx.conf", "nginx-again": "nginx.conf", "haproxy": "haproxy.cfg",
    "slidegate": "slidegate.yaml",
}
AUTHENTICATES = {"haproxy", "slidegate"}


def program(name):
    if name == "slidegate":
        return os.environ.get("SLIDEGATE_BINARY") or os.path.join(ROOT, ".build", "release", "slidegate")
    name = "nginx" if name in ("backend", "nginx-again") else name
    return shutil.which(name) or f"/usr/sbin/{name}"


def command(name, file):
    if name == "haproxy":
        return [program(name), "-db", "-f", file]
    if name == "slidegate":
        return [program(name), "serve", file]
    # -e: before the file is read, nginx would open its log in /var/log.
    return [program(name), "-e", file + ".log", "-c", file]


class Sink(Process):
    """The backend for uploads."""

    def __init__(self, folder, processors):
        self.port, self.tls = free_port(), False
        super().__init__(
            "sink", [sys.executable, "-B", os.path.join(HERE, "sink.py"), str(self.port)], processors,
            os.path.join(folder, "sink.log"))


def make_content(folder, sizes):
    """Files of `x` for the backend to send."""
    os.chmod(folder, 0o711)  # nginx's worker is another user when its master is root; what is secret here has mode 0600
    os.makedirs(os.path.join(folder, "content"), exist_ok=True)
    for size in sizes:
        with open(os.path.join(folder, "content", str(size)), "wb") as file:
            for _ in range(size // 65536):
                file.write(b"x" * 65536)


def version(name):
    """What the program calls itself."""
    option = {"slidegate": "--version"}.get(name, "-v")
    try:
        result = subprocess.run([program(name), option], capture_output=True, text=True, timeout=10)
    except OSError as error:
        raise Failure(f"{name} cannot be run: {error}") from None
    text = (result.stdout + result.stderr).strip().splitlines()
    found = re.search(r"\d+\.\d+[\w.+~-]*", text[0]) if text else None
    return found.group() if found else "unknown"


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
    with open(os.open(os.path.join(folder, "both.pem"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as both:
        for part in (certificate, key):
            with open(part) as text:
                both.write(text.read())


def filled_in(template, values, tls):
    """The template with its names filled in. Lines that begin with `#tls ` or `#plain ` are for runs of that kind."""
    chosen, left_out = ("#tls ", "#plain ") if tls else ("#plain ", "#tls ")
    lines = []
    for line in template.splitlines(keepends=True):
        indent = line[:len(line) - len(line.lstrip(" "))]
        rest = line[len(indent):]
        if rest.startswith(left_out):
            continue
        lines.append(indent + rest.removeprefix(chosen))
    # Only names that are known here are filled in: the servers have dollars of their own.
    pattern = re.compile(r"\$(" + "|".join(sorted(values, key=len, reverse=True)) + r")\b")
    return pattern.sub(lambda match: str(values[match.group(1)]), "".join(lines))


class Server(Process):
    """A contender or the backend, started on a free port and answering, over TLS if `tls`.

    `connections` is how many it must be able to hold on both sides together. `template` is its configuration where that is
    not the usual one, and `more` what that needs filled in besides.
    """

    def __init__(
            self, name, folder, processors, secret="", backend_port=0, connections=2048, tls=False, template=None, more=None):
        self.port = free_port()
        self.tls = tls
        values = {
            "FOLDER": folder, "PORT": self.port, "BACKEND_PORT": backend_port or self.port, "CONNECTIONS": connections,
            "DESCRIPTORS": connections + 1000, "SECRET": secret, "HEADER": HEADER_SEGMENT,
            "SECRET_BASE64": base64.b64encode(secret.encode()).decode(), **(more or {}),
        }
        template = template or TEMPLATES[name]
        with open(os.path.join(CONFIGURATION, template)) as source:
            text = filled_in(source.read(), values, tls)
        file = os.path.join(folder, f"{name}-{template}")
        for path, content in ((file, text), (os.path.join(folder, "jwt.secret"), secret)):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
                output.write(content)
        super().__init__(name, command(name, file), processors, os.path.join(folder, f"{name}.log"))

    def first_answer(self, token, within=10.0):
        """Asks until there is an answer. Returns the seconds from the start of the process to the last byte of it."""
        deadline = self.started_at + within
        while True:
            try:
                exchange(self, token)
                return time.perf_counter() - self.started_at
            except OSError:
                self.fail_if_gone()
                if time.perf_counter() > deadline:
                    raise Failure(f"{self.name} does not answer within {within:g} s; see {self.log}") from None
                time.sleep(0.0002)


class Answer:
    def __init__(self, head, content):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()
        self.content = content
        self.size = len(head) + 4 + len(content)


def request_text(port, token, fresh=False):
    """What wrk sends, byte for byte."""
    close = "Connection: close\r\n" if fresh else ""
    return f"GET / HTTP/1.1\r\n{close}Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


@contextmanager
def connected(server):
    """A connection, through the handshake where there is one. The certificate is the run's own: it is not verified."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not server.tls:
            yield stream
            return
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(stream, server_hostname="localhost") as secured:
            if secured.version() != "TLSv1.3":
                raise Failure(f"{server.name} speaks {secured.version()}")
            yield secured


def read_answer(stream):
    """Reads one answer whose content has a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionError("closed before an answer")
        data += piece
    head, _, content = data.partition(b"\r\n\r\n")
    answer = Answer(head, content)
    if "content-length" not in answer.fields:
        raise Failure(f"an answer without Content-Length:\n{head.decode('latin-1')}")
    length = int(answer.fields["content-length"])
    while len(answer.content) < length:
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionError("closed inside an answer")
        answer.content += piece
    answer.size = len(head) + 4 + length
    return answer


def exchange(server, token, times=1, fresh=False):
    """The last of several answers on one connection; with more than one, this shows that it stays open."""
    with connected(server) as stream:
        for _ in range(times):
            stream.sendall(request_text(server.port, token, fresh))
            answer = read_answer(stream)
    return answer
