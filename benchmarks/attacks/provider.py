"""Identity provider that misbehaves, and the tokens of its clients."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.sharedctypes import Synchronized
from typing import NamedTuple, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import RSAAlgorithm

from infrastructure.embedded.ports import LOOPBACK

ALGORITHMS = ("HS256", "RS256")
SECRET = "a secret for measurements, of 32 bytes"
ISSUER, AUDIENCE, KEY_ID = "https://id.example.com/", "shop", "known"
DRIP_SECONDS = 0.05


class PrivateKeys(NamedTuple):
    pem: bytes

    @classmethod
    def make(cls) -> Self:
        key = rsa.generate_private_key(65537, 2048)
        return cls(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @staticmethod
    def settings() -> Mapping[str, str]:
        return {"JWT_SECRET": SECRET, "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}

    def public_document(self) -> bytes:
        public = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(self.pem).public_key()
        return json.dumps({"keys": [{**json.loads(RSAAlgorithm.to_jwk(public)), "kid": KEY_ID, "use": "sig"}]}).encode()


def token(keys: PrivateKeys, algorithm: str, kid: str = KEY_ID) -> str:
    """Return a token that nobody has seen, because workers remember tokens."""
    claims = {"sub": secrets.token_hex(8), "role": "admin", "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 3600}
    if algorithm == "HS256":
        return jwt.encode(claims, SECRET, algorithm)
    return jwt.encode(claims, keys.pem, algorithm, {"kid": kid})


def hang(handler: BaseHTTPRequestHandler, document: bytes) -> None:
    time.sleep(60)


def drip(handler: BaseHTTPRequestHandler, document: bytes) -> None:
    begin(handler, 200)
    for place in range(len(document)):
        handler.wfile.write(document[place : place + 1])
        time.sleep(DRIP_SECONDS)


def redirect(handler: BaseHTTPRequestHandler, document: bytes) -> None:
    """Redirect for ever."""
    begin(handler, 302, Location=f"{handler.path}/")


def nest(handler: BaseHTTPRequestHandler, document: bytes) -> None:
    begin(handler, 200)
    handler.wfile.write(b'{"keys": ' + b"[" * 900_000)


def flood(handler: BaseHTTPRequestHandler, document: bytes) -> None:
    """Send 50 MB."""
    begin(handler, 200)
    for _ in range(50):
        handler.wfile.write(b" " * 1_000_000)


BEHAVIOURS: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = {
    "hangs": hang,
    "drips": drip,
    "redirects": redirect,
    "nests": nest,
    "sends 50 MB": flood,
}


def begin(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def serve(
    behaviour: str, document: bytes, port: int, is_hostile: "Synchronized[int]", fetches: "Synchronized[int]"
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with fetches.get_lock():
                fetches.value += 1
            with suppress(OSError):
                if is_hostile.value and behaviour in BEHAVIOURS:
                    BEHAVIOURS[behaviour](self, document)
                else:
                    begin(self, 200)
                    self.wfile.write(document)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    ThreadingHTTPServer((LOOPBACK, port), Handler).serve_forever()
