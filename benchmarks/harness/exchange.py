"""One HTTP/1.1 exchange at a time, by hand: what a server answers is looked at before it is measured."""

import socket
import ssl
from contextlib import contextmanager

from .processes import Failure


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


def request_text(port, token="", path="/", fresh=False):
    """What the loads send, byte for byte."""
    close = "Connection: close\r\n" if fresh else ""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\n{close}Host: 127.0.0.1:{port}\r\n{bearer}\r\n".encode()


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


def exchange(server, token="", path="/", times=1, fresh=False):
    """The last of several answers on one connection; with more than one, this shows that it stays open."""
    with connected(server) as stream:
        for _ in range(times):
            stream.sendall(request_text(server.port, token, path, fresh))
            answer = read_answer(stream)
    return answer
