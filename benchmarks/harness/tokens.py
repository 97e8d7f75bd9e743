"""HS256 tokens of the size that real ones have, and the check of a successor, independent of what is measured."""

import base64
import hashlib
import hmac
import json
import secrets

LIFETIME = 3600
BUFFER = 600
HEADER_SEGMENT = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()


def new_secret():
    """A printable secret of 64 bytes: it stands in a YAML run's file and in HAProxy's configuration alike."""
    return secrets.token_hex(32)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


class Minter:
    """Signs under one secret. Keeps the keyed hash, so that hundreds of thousands of tokens take seconds."""

    def __init__(self, secret):
        self.keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)
        self.header = HEADER_SEGMENT.encode() + b"."

    def token(self, number, now, remaining):
        """Token `number`, whose lifetime is LIFETIME and which ends in `remaining` seconds."""
        end = now + remaining
        claims = (
            '{"sub":"user-%07d","iss":"https://id.example","role":"member","iat":%d,"exp":%d,"jti":"%016x"}'
            % (number % 10_000_000, end - LIFETIME, end, (number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF))
        signing_input = self.header + encode(claims.encode())
        keyed = self.keyed.copy()
        keyed.update(signing_input)
        return (signing_input + b"." + encode(keyed.digest())).decode()

    def claims(self, token):
        """The claims of a token, after its signature has been verified. ValueError says what is wrong."""
        header, payload, signature = token.split(".")
        keyed = self.keyed.copy()
        keyed.update(f"{header}.{payload}".encode())
        if not hmac.compare_digest(keyed.digest(), decode(signature)):
            raise ValueError("the signature does not verify")
        if json.loads(decode(header)).get("alg") != "HS256":
            raise ValueError("the algorithm is not HS256")
        return json.loads(decode(payload))


def check_successor(minter, presented, successor, now):
    """Raises ValueError unless `successor` is a proper renewal of `presented`."""
    before, after = minter.claims(presented), minter.claims(successor)
    for name in ("sub", "iss", "role"):
        if before[name] != after.get(name):
            raise ValueError(f"claim {name} was {before[name]!r} and became {after.get(name)!r}")
    if not after["exp"] > before["exp"]:
        raise ValueError("the successor ends no later than the token it replaces")
    if after["iat"] > now + 1:
        raise ValueError("the successor was issued in the future")
    if after["exp"] - after["iat"] != LIFETIME:
        raise ValueError(f"the successor lives for {after['exp'] - after['iat']} s instead of {LIFETIME} s")
