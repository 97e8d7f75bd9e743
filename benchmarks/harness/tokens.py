"""Tokens of the size that real ones have, under each algorithm, and the check of a successor, independent of what is measured."""

import base64
import hashlib
import hmac
import json
import secrets

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

LIFETIME = 3600
BUFFER = 600


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def encode_number(number, size=None):
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8, "big")).decode()


class SecretKey:
    """HS256. Keeps the keyed hash, so that hundreds of thousands of tokens take seconds."""

    def __init__(self):
        self.secret = secrets.token_hex(32)  # printable: it stands in files of several syntaxes
        self.keyed = hmac.new(self.secret.encode(), digestmod=hashlib.sha256)
        self.jwk = {"kty": "oct", "alg": "HS256", "k": encode(self.secret.encode()).decode()}

    def sign(self, signing_input):
        keyed = self.keyed.copy()
        keyed.update(signing_input)
        return keyed.digest()


class PrivateKey:
    """The asymmetric ones. `pem` and `jwk` are of the public half."""

    def __init__(self, private, jwk):
        self.private = private
        self.jwk = jwk
        self.pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class RSAKey(PrivateKey):
    def __init__(self):
        private = rsa.generate_private_key(65537, 2048)
        numbers = private.public_key().public_numbers()
        super().__init__(private, {"kty": "RSA", "alg": "RS256", "n": encode_number(numbers.n), "e": encode_number(numbers.e)})

    def sign(self, signing_input):
        return self.private.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())


class P256Key(PrivateKey):
    def __init__(self):
        private = ec.generate_private_key(ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        super().__init__(private, {
            "kty": "EC", "alg": "ES256", "crv": "P-256", "x": encode_number(numbers.x, 32), "y": encode_number(numbers.y, 32)})

    def sign(self, signing_input):
        r, s = decode_dss_signature(self.private.sign(signing_input, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Ed25519Key(PrivateKey):
    def __init__(self):
        private = ed25519.Ed25519PrivateKey.generate()
        x = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        super().__init__(private, {"kty": "OKP", "alg": "EdDSA", "crv": "Ed25519", "x": encode(x).decode()})

    def sign(self, signing_input):
        return self.private.sign(signing_input)


KEYS = {"HS256": SecretKey, "RS256": RSAKey, "ES256": P256Key, "EdDSA": Ed25519Key}


class Minter:
    """Signs under one new key."""

    def __init__(self, algorithm):
        self.algorithm = algorithm
        self.key = KEYS[algorithm]()
        self.header = encode(b'{"alg":"%s","typ":"JWT"}' % algorithm.encode())

    def token(self, number, now, remaining):
        """Token `number`, whose lifetime is LIFETIME and which ends in `remaining` seconds."""
        end = now + remaining
        claims = (
            '{"sub":"user-%07d","iss":"https://id.example","role":"member","iat":%d,"exp":%d,"jti":"%016x"}'
            % (number % 10_000_000, end - LIFETIME, end, (number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF))
        signing_input = self.header + b"." + encode(claims.encode())
        return (signing_input + b"." + encode(self.key.sign(signing_input))).decode()

    def claims(self, token):
        """The claims of an HS256 token, after its signature has been verified. ValueError says what is wrong."""
        header, payload, signature = token.split(".")
        if not hmac.compare_digest(self.key.sign(f"{header}.{payload}".encode()), decode(signature)):
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
