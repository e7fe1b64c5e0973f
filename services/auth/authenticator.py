"""Authenticator: resolves a request's credentials to a principal."""

import hashlib
import time
from typing import NamedTuple

from cachetools import TLRUCache

from infrastructure.exceptions import UnavailableError
from services.auth import api_keys
from services.auth.jwt_verifier import JwtVerifier
from services.auth.principal import ANONYMOUS, Principal, Role
from services.context.app_context import AppContext
from services.exceptions import UnauthorizedError

KEY_TRUST_SECONDS = 5
TOKEN_TRUST_SECONDS = 300
MAX_IDENTITIES = 10_000


class Identity(NamedTuple):
    principal: Principal
    until: float  # seconds since 1970


class Authenticator:
    """Caches identities: every worker refuses a revoked key after `KEY_TRUST_SECONDS`."""

    def __init__(self, app_context: AppContext) -> None:
        settings = app_context.settings
        self._app_context = app_context
        self._takes_api_keys = settings.takes_api_keys
        self._tokens = JwtVerifier(settings) if settings.takes_tokens else None
        self._identities: TLRUCache[bytes, Identity] = TLRUCache(
            MAX_IDENTITIES, lambda _key, identity, _now: identity.until, time.time
        )

    async def identify(self, api_key: bytes | None, authorization: bytes | None) -> Principal:
        """Return the principal of these headers. Errors are not raised: they become its `failure`."""
        api_key = api_key if self._takes_api_keys else None
        authorization = authorization if self._tokens else None
        if api_key is None and authorization is None:
            return ANONYMOUS
        # `repr` keeps an empty header apart from a missing one.
        digest = hashlib.sha256(repr((api_key, authorization)).encode()).digest()
        identity = self._identities.get(digest)
        if identity is None:
            try:
                identity = await self._find(api_key, authorization)
            except (UnauthorizedError, UnavailableError) as error:
                return Principal(Role.ANONYMOUS, failure=error)
            self._identities[digest] = identity
        return identity.principal

    async def _find(self, api_key: bytes | None, authorization: bytes | None) -> Identity:
        now = time.time()
        if api_key is None and authorization and self._tokens:
            scheme, _, token = authorization.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise UnauthorizedError("Invalid credentials")
            principal, expires_at = await self._tokens.verify(token.strip())
            return Identity(principal, min(expires_at, now + TOKEN_TRUST_SECONDS))
        if api_key is None or authorization is not None:  # both at once would be ambiguous
            raise UnauthorizedError("Invalid credentials")
        owner = await api_keys.owner_of(self._app_context.database, api_key.decode("latin-1"))
        until, end = now + KEY_TRUST_SECONDS, owner.restrictions.expires_at
        return Identity(owner, min(until, end.timestamp()) if end else until)
