"""A backend that takes what it is sent and answers with the number of bytes (`python3 -m harness.sink PORT`)."""

import socket
import sys
import threading

PIECE = 256 * 1024


def serve(stream):
    """One connection: requests whose content has a length, or none, one after another."""
    buffer, kept = bytearray(PIECE), b""
    with stream:
        while True:
            while b"\r\n\r\n" not in kept:
                piece = stream.recv(65536)
                if not piece:
                    return
                kept += piece
            head, _, kept = kept.partition(b"\r\n\r\n")
            size = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    size = int(line.partition(b":")[2])
            left = size - len(kept)
            kept = kept[size:]
            while left > 0:
                got = stream.recv_into(buffer, min(PIECE, left))
                if got == 0:
                    return
                left -= got
            content = str(size).encode()
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128) as listener:
        while True:
            stream, _ = listener.accept()
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(stream,), daemon=True).start()


if __name__ == "__main__":
    main()
