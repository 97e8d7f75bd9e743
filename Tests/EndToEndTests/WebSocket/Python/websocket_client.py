"""A client that is none of ours: Debian's python3-websockets. Usage: websocket_client.py TASK URL [NAME=VALUE ...]

Checks what it receives and prints "ok" or "bad"; at the end "closed CODE REASON", as the library understood it. With
"secret" it signs itself a token that ends "left" seconds from when it is ready to connect, and prints that.
"""
import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
import time

import websockets

from websocket_messages import message


def say(*words):
    print(*words, flush=True)


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def token(options):
    end = int(time.time()) + int(options["left"])
    claims = {"iat": end - int(options["lifetime"]), "exp": end}
    if "sid" in options:
        claims["sid"] = options["sid"]
    text = encode(b'{"alg":"HS256"}') + b"." + encode(json.dumps(claims).encode())
    signature = hmac.digest(options["secret"].encode(), text, hashlib.sha256)
    return (text + b"." + encode(signature)).decode()


async def exchange(socket, options):
    count = int(options["count"])

    async def send():
        for number in range(count):
            await socket.send(message(number, "client"))

    sending = asyncio.create_task(send())
    for number in range(count):
        received = await socket.recv()
        if received != message(number, "server"):
            say("bad", number, repr(received[:40]))
            return
    await sending
    say("ok", "received", count)


async def large(socket, options):
    for size in map(int, options["sizes"].split(",")):
        sent = os.urandom(size)
        await socket.send(sent)
        received = await socket.recv()
        say("ok" if received == sent else "bad", size)


async def fragments(socket, _):
    pieces = ["a", "b" * 200, "", "c" * 70000, "d"]
    await socket.send(pieces)
    received = await socket.recv()
    say("ok" if received == "".join(pieces) else "bad", "text")
    pieces = [os.urandom(size) for size in (1, 126, 65536, 3)]
    await socket.send(pieces)
    received = await socket.recv()
    say("ok" if received == b"".join(pieces) else "bad", "binary")


async def ping(socket, _):
    await asyncio.wait_for(await socket.ping(b"from the client"), 10)
    say("ok", "pong")
    say("ok" if await socket.recv() == "pinged" else "bad")


async def hold(socket, _):
    """Stays until the connection ends, whatever comes."""
    try:
        while True:
            await socket.recv()
    except websockets.ConnectionClosed:
        pass


async def main():
    task, url = sys.argv[1:3]
    options = dict(argument.split("=", 1) for argument in sys.argv[3:])
    arguments = {"ping_interval": None, "max_size": None, "compression": options.get("compression")}
    if "secret" in options:
        compact = token(options)
        say("token", compact)
        if "subprotocol" in options:
            arguments["subprotocols"] = [options["subprotocol"], "bearer", compact]
        else:
            arguments["extra_headers"] = {"Authorization": "Bearer " + compact}
    tasks = {"exchange": exchange, "large": large, "fragments": fragments, "ping": ping, "hold": hold}
    async with websockets.connect(url, **arguments) as socket:
        say("open", "subprotocol", socket.subprotocol)
        await tasks[task](socket, options)
        await socket.close(4000, "the client is done")
    say("closed", socket.close_code, socket.close_reason)


asyncio.run(main())
