"""Verification of JSON Web Tokens from an identity provider, with the checks of RFC 8725.

A token has the `role` `admin`, or `client` with a `client_id`.
"""

from typing import Any, NamedTuple

import jwt
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from config.settings import Settings
from schemas.base_schema import is_storable_key
from services.auth.principal import Principal, Role
from services.auth.signing_keys import ALGORITHMS, SigningKeys
from services.exceptions import UnauthorizedError

LEEWAY_SECONDS = 30  # allowed difference between two clocks
REQUIRED = ("exp", "iss", "aud", "sub")
MAX_SUBJECT_LENGTH = 200


class Verified(NamedTuple):
    principal: Principal
    expires_at: float  # seconds since 1970


class JwtVerifier:
    """Verifier of tokens. The algorithm determines the key, so a public key is never used as a secret."""

    def __init__(self, settings: Settings) -> None:
        self._issuer, self._audience = settings.jwt_issuer, settings.jwt_audience
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        url, max_stale_seconds = settings.jwt_jwks_url, settings.jwt_jwks_max_stale
        self._keys = SigningKeys(url, max_stale_seconds) if url else None

    async def verify(self, token: str) -> Verified:
        """Return the token's principal. Raises UnauthorizedError, or UnavailableError if its key cannot be fetched."""
        try:
            claims = await self._claims(token)
        # A header or claims nested deeply end in a RecursionError.
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise UnauthorizedError("Invalid credentials") from error
        return Verified(_principal(claims), int(claims["exp"]))

    async def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key: str | PyJWK | None
        if header.get("alg") == "HS256":
            key, algorithms = self._secret, ["HS256"]
        else:
            key, algorithms = await self._find_key(header.get("kid")), ALGORITHMS
        if key is None:
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

    async def _find_key(self, name: Any) -> PyJWK | None:
        return await self._keys.find(name) if self._keys and isinstance(name, str) else None


def _principal(claims: dict[str, Any]) -> Principal:
    subject, role, client_id = claims["sub"], claims.get("role"), claims.get("client_id")
    if not (subject and subject.isprintable() and len(subject) <= MAX_SUBJECT_LENGTH):
        raise UnauthorizedError("Invalid credentials")
    if role == Role.ADMIN and client_id is None:
        return Principal(Role.ADMIN, f"jwt:{subject}")
    if role == Role.CLIENT and type(client_id) is int and is_storable_key(client_id):
        # One subject may act for several clients, and each has its own idempotency keys and limit.
        return Principal(Role.CLIENT, f"jwt-client-{client_id}:{subject}", client_id)
    raise UnauthorizedError("Invalid credentials")
