"""A server with TLS that is none of ours. Lines: `listening PORT`, `connection full|resumed SUBJECT`, `refused REASON`."""
import argparse, socket, ssl, struct, threading

parser = argparse.ArgumentParser()
parser.add_argument("certificate")
parser.add_argument("key")
parser.add_argument("--client-ca")
parser.add_argument("--version", choices=["1.2", "1.3"])
parser.add_argument("--stall", action="store_true", help="takes connections and says nothing")
parser.add_argument("--truncate", action="store_true", help="closes behind the answer without close_notify")
parser.add_argument("--body", default="ok")
parser.add_argument("--until-close", action="store_true", help="the content ends with the connection")
parser.add_argument("--close", action="store_true", help="one request on each connection")
options = parser.parse_args()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(options.certificate, options.key)
if options.version:
    context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[options.version]
if options.client_ca:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(options.client_ca)


def serve(wire):
    if options.stall:
        wire.recv(1)
        while wire.recv(65536):
            pass
        return
    rest = wire.dup()
    try:
        stream = context.wrap_socket(wire, server_side=True)
    except (ssl.SSLError, OSError) as error:
        # Until the peer has closed: a reset would overtake the alert.
        print("refused", error, flush=True)
        while rest.recv(65536):
            pass
        return
    rest.close()
    subject = dict(part[0] for part in (stream.getpeercert() or {}).get("subject", ())) if options.client_ca else {}
    print("connection", "resumed" if stream.session_reused else "full", subject.get("commonName", "-"), flush=True)
    file = stream.makefile("rb")
    while True:
        length = 0
        line = file.readline()
        if not line:
            return
        while line.strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            line = file.readline()
        file.read(length)
        framing = "Connection: close" if options.until_close else f"Content-Length: {len(options.body)}"
        if options.close:
            framing += "\r\nConnection: close"
        stream.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{options.body}".encode())
        if options.truncate:
            stream.shutdown(socket.SHUT_RDWR)
            return
        if options.close or options.until_close:
            stream.unwrap()
            return


listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=lambda wire: serve(wire), args=(accepted,), daemon=True).start()
