"""An origin server that is none of ours: Debian's python3-websockets. Prints its port, then a line for each event.

The path says what a connection does; what is expected of the other side is checked, and said with "ok" or "bad".
"""
import asyncio
import sys

import websockets

from websocket_messages import message


def say(*words):
    print(*words, flush=True)


async def exchange(socket, count):
    """Both sides send all they have without waiting for the other."""

    async def send():
        for number in range(count):
            await socket.send(message(number, "server"))

    sending = asyncio.create_task(send())
    for number in range(count):
        received = await socket.recv()
        if received != message(number, "client"):
            say("bad", number, repr(received[:40]))
            return
    await sending
    say("ok", "received", count)
    await socket.wait_closed()


async def echo(socket):
    async for received in socket:
        await socket.send(received)


async def echo_in_fragments(socket):
    async for received in socket:
        third = max(1, len(received) // 3)
        await socket.send([received[start:start + third] for start in range(0, len(received), third)])


async def ping(socket):
    pong = await socket.ping(b"from the server")
    await asyncio.wait_for(pong, 10)
    say("ok", "pong")
    await socket.send("pinged")
    await socket.wait_closed()


async def tick(socket):
    """Sends without end, so that there is always a frame on its way."""
    number = 0
    while True:
        await socket.send(bytes(1000 + number % 300))
        number += 1
        await asyncio.sleep(0)  # or nothing would ever be read


async def serve(socket, path):
    say("open", path, "subprotocol", socket.subprotocol)
    try:
        if path.startswith("/exchange/"):
            await exchange(socket, int(path.removeprefix("/exchange/")))
        elif path == "/fragments":
            await echo_in_fragments(socket)
        elif path == "/ping":
            await ping(socket)
        elif path == "/tick":
            await tick(socket)
        elif path == "/close":
            await socket.close(4001, "the server is done")
        else:
            await echo(socket)
    except websockets.ConnectionClosed:
        pass
    await socket.wait_closed()
    say("closed", path, socket.close_code, socket.close_reason)


async def main():
    compression = sys.argv[1] if len(sys.argv) > 1 else None
    options = {"ping_interval": None, "max_size": None, "subprotocols": ["chat"], "compression": compression}
    async with websockets.serve(serve, "127.0.0.1", 0, **options) as server:
        say("listening", server.sockets[0].getsockname()[1])
        await asyncio.Future()


asyncio.run(main())
