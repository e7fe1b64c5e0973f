"""Roles that operations are for. Every operation on data checks its policy first."""

from typing import Any, NamedTuple, NoReturn

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer

from config.settings import Settings
from services.auth.principal import Principal, Role
from services.exceptions import ForbiddenError, UnauthorizedError


class Policy(NamedTuple):
    roles: frozenset[Role]

    @property
    def is_public(self) -> bool:
        return Role.ANONYMOUS in self.roles

    @property
    def refusals(self) -> tuple[int, ...]:
        """Statuses of the errors that `refuse` raises."""
        return (401,) if self.is_public else (401, 403)

    def refuse(self, principal: Principal) -> NoReturn:
        """Raise the principal's failure, UnauthorizedError for anonymous callers, otherwise ForbiddenError."""
        if principal.failure:
            raise principal.failure
        if principal.role is Role.ANONYMOUS:
            raise UnauthorizedError("Authentication required")
        raise ForbiddenError("Not allowed")


PUBLIC = Policy(frozenset(Role))
CLIENTS = Policy(frozenset({Role.CLIENT, Role.ADMIN}))
"""Clients for their own objects, admins for all."""
ADMINS = Policy(frozenset({Role.ADMIN}))


class Access(NamedTuple):
    """Policies of an entity's operations: admins only, unless its controller declares otherwise."""

    read: Policy = ADMINS
    create: Policy = ADMINS
    change: Policy = ADMINS
    delete: Policy = ADMINS


_API_KEY = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False)
_TOKEN = HTTPBearer(scheme_name="Token", bearerFormat="JWT", auto_error=False)


def credentials(settings: Settings) -> list[Any]:
    """Return the security schemes for Swagger UI's Authorize button. The fast path reads the credentials."""
    return [Security(_API_KEY)] * settings.takes_api_keys + [Security(_TOKEN)] * settings.takes_tokens


def challenge(settings: Settings) -> str:
    """Return the value of `WWW-Authenticate`, RFC 9110 section 11.6.1. API keys have no registered scheme."""
    return ", ".join(["ApiKey"] * settings.takes_api_keys + ["Bearer"] * settings.takes_tokens)
