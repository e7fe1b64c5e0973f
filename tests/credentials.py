"""Credentials for tests: API keys, tokens, and the issuer of the tokens."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr
from sqlalchemy import insert, text

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from models.system.api_key import ApiKeyModel
from services.auth.api_keys import NewKey
from services.auth.principal import Role
from tests.database import as_owner
from tests.servers import until

Headers = dict[str, str]
SECRET = "a secret for tests, of 32 bytes or more"
UNKNOWN = {"X-API-Key": "eck_" + "x" * 43}
ISSUER, AUDIENCE = "https://id.example.com/", "shop"


class Clock:
    """Clock of the service that a test can move ahead."""

    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class Issuer:
    """Issuer of signed tokens; between `start` and `stop` it serves its public keys by `kid`."""

    def __init__(self) -> None:
        self.private: dict[str, Any] = {}
        self.public: dict[str, Any] = {}
        self.port = free_port()
        self.status, self.document = 200, b""
        self.send_document: Callable[[Issuer, BufferedIOBase], None] = _send_whole
        self.is_stopping = threading.Event()
        self.request_count = 0
        self.renew()

    def renew(self, generation: int = 1) -> None:
        """Replace all keys by keys of a new generation."""
        self.private = {
            f"RS256-{generation}": rsa.generate_private_key(65537, 2048),
            f"ES256-{generation}": ec.generate_private_key(ec.SECP256R1()),
        }
        self.public = {kid: key.public_key() for kid, key in self.private.items()}
        self.document = json.dumps({"keys": [jwk(kid, key) for kid, key in self.public.items()]}).encode()

    def start(self) -> None:
        self._server = _Server((LOOPBACK, self.port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self.is_stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.stop()

    def settings(self) -> dict[str, Any]:
        """Return the settings of a service that accepts this issuer's tokens."""
        return {
            "jwt_jwks_url": f"http://{LOOPBACK}:{self.port}/keys",
            "jwt_secret": SecretStr(SECRET),
            "jwt_issuer": ISSUER,
            "jwt_audience": AUDIENCE,
        }

    def token(self, algorithm: str = "RS256", generation: int = 1, **changed: Any) -> str:
        """Return a token of an admin, with changed claims; a claim of None is left out."""
        if algorithm == "HS256":
            return jwt.encode(claims(**changed), SECRET, algorithm)
        kid = f"{algorithm}-{generation}"
        return jwt.encode(claims(**changed), self.private[kid], algorithm, {"kid": kid})

    def confused_token(self) -> str:
        """Return a token signed with the public key as an HMAC secret, as an attacker without a secret can."""
        kid, key = next(iter(self.public.items()))
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
        self.server.issuer.request_count += 1
        self.send_response(self.server.issuer.status)
        if self.server.issuer.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        with suppress(ConnectionError):
            self.server.issuer.send_document(self.server.issuer, self.wfile)

    def log_message(self, *_: Any) -> None:
        """Discard the log line."""


@contextmanager
def service(
    settings: Settings, database: Database | None = None, address: str = "127.0.0.1", **changed: Any
) -> Iterator[TestClient]:
    """Run an application of its own with changed settings, and yield a client with the peer `address`.

    With `database`, the application works in that test's transaction.
    """
    from main import create_fastapi_app

    app = create_fastapi_app(settings.model_copy(update=changed))
    app_context = app.state.app_context
    with TestClient(app, client=(address, 50000), raise_server_exceptions=False) as client:
        until(lambda: app_context.redis.is_up)
        own, app_context.database = app_context.database, database or app_context.database
        yield client
        app_context.refusals.take()
        app_context.database = own


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of an admin, with changes; a timedelta is relative to now."""
    valid = {"sub": "ada", "role": "admin", "iss": ISSUER, "aud": AUDIENCE, "exp": timedelta(minutes=10)}
    now = int(time.time())
    return {
        name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in {**valid, **changed}.items()
        if value is not None
    }


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def new_key(app: FastAPI, client_id: int | None = None, **restrictions: Any) -> NewKey:
    """Create an API key of an admin, or of the client, with any restrictions: no rule of the service applies."""
    made, role = NewKey.make(), Role.ADMIN if client_id is None else Role.CLIENT
    with app.state.app_context.database.sessions.begin() as session:
        values = {"role": role, "client_id": client_id, **restrictions, **made.columns()}
        session.execute(insert(ApiKeyModel).values(values))
    return made


def key_headers(app: FastAPI, client_id: int | None = None, **restrictions: Any) -> Headers:
    return {"X-API-Key": new_key(app, client_id, **restrictions).key}


def execute(app: FastAPI, statement: str, **parameters: Any) -> Any:
    """Run a statement in the test's transaction and return its rows."""
    with app.state.app_context.database.sessions.begin() as session:
        result = session.execute(text(statement), parameters)
        return result.all() if result.returns_rows else None


def execute_as_owner(app: FastAPI, statement: str) -> None:
    """Run a statement that the service's role may not run, in the test's transaction."""
    with app.state.app_context.database.sessions.begin() as session, as_owner(session):
        session.execute(text(statement))


def jwk(kid: str, key: Any, **changed: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key)), "kid": kid, "use": "sig", **changed}


def _send_whole(issuer: Issuer, body: BufferedIOBase) -> None:
    body.write(issuer.document)


def _encoded(part: str | bytes) -> bytes:
    return base64.urlsafe_b64encode(part.encode() if isinstance(part, str) else part).rstrip(b"=")
