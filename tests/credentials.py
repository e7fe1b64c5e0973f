"""What callers show to be known: API keys, and tokens together with whoever issues them."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr
from sqlalchemy import text

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from services.auth.api_keys import NewKey, make_key
from services.auth.principal import Role
from tests.servers import until

Headers = dict[str, str]
SECRET = "a secret for tests, of 32 bytes or more"
UNKNOWN = {"X-API-Key": "eck_" + "x" * 43}
ISSUER, AUDIENCE = "https://id.example.com/", "shop"


class Clock:
    """The service's clock, which can be moved ahead."""

    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class Issuer:
    """Signs tokens; between `start` and `stop` it tells everybody its public keys, by `kid`."""

    def __init__(self) -> None:
        self.private: dict[str, Any] = {}
        self.public: dict[str, Any] = {}
        self.port = free_port()
        self.status, self.document = 200, b""
        self.asked = 0
        self.renew()

    def renew(self, generation: int = 1) -> None:
        """Keys of a new generation in the place of all others."""
        self.private = {
            f"RS256-{generation}": rsa.generate_private_key(65537, 2048),
            f"ES256-{generation}": ec.generate_private_key(ec.SECP256R1()),
        }
        self.public = {kid: key.public_key() for kid, key in self.private.items()}
        self.document = json.dumps({"keys": [_jwk(kid, key) for kid, key in self.public.items()]}).encode()

    def start(self) -> None:
        self._server = _Server((LOOPBACK, self.port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def settings(self) -> dict[str, Any]:
        """With which a service takes its tokens."""
        return {
            "jwt_jwks_url": f"http://{LOOPBACK}:{self.port}/keys",
            "jwt_secret": SecretStr(SECRET),
            "jwt_issuer": ISSUER,
            "jwt_audience": AUDIENCE,
        }

    def token(self, algorithm: str = "RS256", generation: int = 1, **changed: Any) -> str:
        """An admin's, unless the claims are changed; a claim that is None is left out."""
        if algorithm == "HS256":
            return jwt.encode(claims(**changed), SECRET, algorithm)
        kid = f"{algorithm}-{generation}"
        return jwt.encode(claims(**changed), self.private[kid], algorithm, {"kid": kid})

    def confused_token(self) -> str:
        """Signed with the public key as if it were a secret, as whoever knows no secret can."""
        (kid, key) = next(iter(self.public.items()))
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = b".".join(_encoded(json.dumps(part)) for part in ({"alg": "HS256", "kid": kid}, claims()))
        return b".".join((signed, _encoded(hmac.new(pem, signed, hashlib.sha256).digest()))).decode()


class _Server(ThreadingHTTPServer):
    def __init__(self, where: tuple[str, int], issuer: Issuer) -> None:
        super().__init__(where, _Handler)
        self.issuer = issuer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.issuer.asked += 1
        self.send_response(self.server.issuer.status)
        self.send_header("Content-Length", str(len(self.server.issuer.document)))
        self.end_headers()
        self.wfile.write(self.server.issuer.document)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def service(
    settings: Settings, database: Database | None = None, address: str = "127.0.0.1", **changed: Any
) -> Iterator[TestClient]:
    """HTTP to an application of its own with these settings, called from `address`; within a test's transaction, if
    its database is given."""
    from main import create_fastapi_app

    app = create_fastapi_app(settings.model_copy(update=changed))
    app_context = app.state.app_context
    with TestClient(app, client=(address, 50000), raise_server_exceptions=False) as client:
        until(lambda: app_context.redis.is_up)
        own, app_context.database = app_context.database, database or app_context.database
        yield client
        app_context.database = own


def claims(**changed: Any) -> dict[str, Any]:
    """With times that are told as their distance from now."""
    valid = {"sub": "ada", "role": "admin", "iss": ISSUER, "aud": AUDIENCE, "exp": timedelta(minutes=10)}
    now = int(time.time())
    return {
        name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in {**valid, **changed}.items()
        if value is not None
    }


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def new_key(app: FastAPI, client_id: int | None = None) -> NewKey:
    """An admin's, or the client's."""
    with app.state.app_context.database.sessions.begin() as session:
        return make_key(session, Role.ADMIN if client_id is None else Role.CLIENT, client_id)


def key_headers(app: FastAPI, client_id: int | None = None) -> Headers:
    return {"X-API-Key": new_key(app, client_id).key}


def execute(app: FastAPI, statement: str, **parameters: Any) -> Any:
    """What the statement answers, within the test's transaction."""
    with app.state.app_context.database.sessions.begin() as session:
        result = session.execute(text(statement), parameters)
        return result.all() if result.returns_rows else None


def _jwk(kid: str, key: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key)), "kid": kid, "use": "sig"}


def _encoded(part: str | bytes) -> bytes:
    return base64.urlsafe_b64encode(part.encode() if isinstance(part, str) else part).rstrip(b"=")
