"""Verification of JSON Web Tokens from an identity provider, with the checks of RFC 8725.

A token has the `role` `admin`, or `client` with a `client_id`.
"""

import logging
import time
from functools import partial
from typing import Any, NamedTuple

import jwt
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWKClientConnectionError, PyJWTError

from config.settings import Settings
from infrastructure.concurrency.worker_threads import WorkerThreads
from infrastructure.exceptions import SigningKeysUnavailableError
from repositories.base_repository_impl import is_storable_key
from services.auth.principal import Principal, Role
from services.exceptions import UnauthorizedError

LEEWAY_SECONDS = 30  # allowed difference between two clocks
REQUIRED = ("exp", "iss", "aud", "sub")
KEYS_LIFESPAN_SECONDS = 300
KEYS_TIMEOUT_SECONDS = 3
RETRY_SECONDS = 2  # pause after a failed request for keys
MAX_SUBJECT_LENGTH = 200

logger = logging.getLogger(__name__)


class Verified(NamedTuple):
    principal: Principal
    expires_at: float  # seconds since 1970


class PublicKeys(PyJWKClient):
    """Public keys of the identity provider. Failed requests are limited, because anybody can invent tokens."""

    _is_away = False
    _next_try = 0.0  # of time.monotonic()

    def fetch_data(self) -> Any:
        if time.monotonic() < self._next_try:
            raise PyJWKClientConnectionError("the last request failed a moment ago")
        self._next_try = time.monotonic() + RETRY_SECONDS
        data = super().fetch_data()
        self._next_try, self._is_away = 0.0, False
        return data

    def get_signing_keys(self, refresh: bool = False) -> list[PyJWK]:
        """Return the keys. Raises SigningKeysUnavailableError, since an error here affects all tokens."""
        try:
            return super().get_signing_keys(refresh)
        except (PyJWTError, ValueError) as error:
            if not self._is_away:
                logger.warning("the keys of tokens cannot be fetched: %s", error)
            self._is_away = True
            raise SigningKeysUnavailableError(str(error)) from error


class JwtVerifier:
    """Verifier of tokens. The algorithm determines the key, so a public key is never used as a secret."""

    def __init__(self, settings: Settings) -> None:
        self._issuer, self._audience = settings.jwt_issuer, settings.jwt_audience
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._keys = (
            PublicKeys(settings.jwt_jwks_url, lifespan=KEYS_LIFESPAN_SECONDS, timeout=KEYS_TIMEOUT_SECONDS)
            if settings.jwt_jwks_url
            else None
        )
        # Fetching keys blocks; in a thread of its own it delays only the requests that need them.
        self._threads = WorkerThreads(1, 2 * KEYS_TIMEOUT_SECONDS)

    async def verify(self, token: str) -> Verified:
        """Return the token's principal. Raises UnauthorizedError, or UnavailableError if the keys cannot be fetched."""
        return await self._threads.run(partial(self._verify, token))

    def _verify(self, token: str) -> Verified:
        try:
            claims = self._claims(token)
        except (PyJWTError, ValueError, TypeError) as error:
            raise UnauthorizedError("Invalid credentials") from error
        return Verified(_principal(claims), int(claims["exp"]))

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") == "HS256" and self._secret:
            key: str | PyJWK = self._secret
            algorithms = ["HS256"]
        elif self._keys:
            key, algorithms = self._keys.get_signing_key(header.get("kid", "")), ["RS256", "ES256"]
        else:
            raise UnauthorizedError("Invalid credentials")
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": list(REQUIRED)},
        )


def _principal(claims: dict[str, Any]) -> Principal:
    subject, role, client_id = claims["sub"], claims.get("role"), claims.get("client_id")
    if not (subject and subject.isprintable() and len(subject) <= MAX_SUBJECT_LENGTH):
        raise UnauthorizedError("Invalid credentials")
    if role == Role.ADMIN and client_id is None:
        return Principal(Role.ADMIN, f"jwt:{subject}")
    if role == Role.CLIENT and type(client_id) is int and is_storable_key(client_id):
        return Principal(Role.CLIENT, f"jwt:{subject}", client_id)
    raise UnauthorizedError("Invalid credentials")
