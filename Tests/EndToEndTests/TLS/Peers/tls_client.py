"""A TLS client that is none of ours: connects, says what the handshake came to, sends its requests and writes the answers.

Each line of output is a fact: `handshake …`, `answer …` (JSON), or `refused …`.
"""
import argparse, json, socket, ssl

parser = argparse.ArgumentParser()
parser.add_argument("ports", type=int, nargs="+", help="one connection after the other, each with the session before it")
parser.add_argument("--name", default="api.example")
parser.add_argument("--ca")
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--version", choices=["1.1", "1.2", "1.3"])
parser.add_argument("--ciphers")
parser.add_argument("--alpn")
parser.add_argument("--request", default="GET / HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
parser.add_argument("--upload", type=int, default=0, help="bytes of content behind the request")
parser.add_argument("--pieces", action="store_true", help="every byte of the handshake in a segment of its own")
parser.add_argument("--half-close", action="store_true", help="close_notify behind the request, and read on")
options = parser.parse_args()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_REQUIRED if options.ca else ssl.CERT_NONE
if options.ca:
    context.load_verify_locations(options.ca)
if options.certificate:
    context.load_cert_chain(options.certificate, options.key)
if options.version:
    version = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[options.version]
    context.minimum_version = context.maximum_version = version
if options.version == "1.1":
    context.set_ciphers("ALL:@SECLEVEL=0")
if options.ciphers:
    context.set_ciphers(options.ciphers)
if options.alpn:
    context.set_alpn_protocols(options.alpn.split(","))


class Peer:
    """TLS over memory, so that every byte on the wire is ours to pace."""

    def __init__(self, port, session):
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=options.name or None, session=session)
        self.pieces = options.pieces

    def flush(self):
        data = self.outgoing.read()
        if not data:
            return
        if self.pieces:
            for octet in data:
                self.wire.send(bytes([octet]))
        else:
            self.wire.sendall(data)

    def run(self, step):
        while True:
            try:
                result = step()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.wire.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            except ssl.SSLError:
                self.flush()
                raise


def read_all(peer):
    """What came, and how it ended."""
    answer = bytearray()
    try:
        while True:
            piece = peer.run(lambda: peer.tls.read(65536))
            if not piece:
                return bytes(answer), "close_notify"
            answer += piece
    except ssl.SSLZeroReturnError:
        return bytes(answer), "close_notify"
    except ssl.SSLEOFError:
        return bytes(answer), "truncated"
    except ConnectionError:
        return bytes(answer), "reset"


def connect(port, session):
    peer = Peer(port, session)
    peer.run(peer.tls.do_handshake)
    der = peer.tls.getpeercert(True)
    # The common name stands in the certificates of the tests alone as text.
    names = [name for name in ("exact", "wildcard", "default", "rsa", "upstream") if der.count(name.encode())]
    print("handshake", peer.tls.version(), names[0] if names else "-", "resumed" if peer.tls.session_reused else "full", flush=True)
    peer.pieces = False
    peer.run(lambda: peer.tls.write(options.request.encode("latin-1")))
    left = options.upload
    while left:
        size = min(left, 16384)
        peer.run(lambda: peer.tls.write(b"u" * size))
        left -= size
    if options.half_close:
        try:
            peer.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        peer.flush()
        peer.wire.shutdown(socket.SHUT_WR)
    answer, ending = read_all(peer)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = [line.split(": ", 1) for line in lines[1:] if ": " in line]
    print("answer", json.dumps({
        "line": lines[0], "fields": fields, "length": len(body), "text": body[:4096].decode("latin-1"), "ending": ending,
    }), flush=True)
    return peer.tls.session


session = None
for port in options.ports:
    try:
        session = connect(port, session)
    except (ssl.SSLError, ConnectionError) as error:
        print("refused", error, flush=True)
