"""Whom operations are for. The check is the one gate that every operation on data goes through."""

from typing import Any, NamedTuple

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer

from config.settings import Settings
from services.auth.principal import PRINCIPAL, Role
from services.exceptions import ForbiddenError, UnauthorizedError


class Policy(NamedTuple):
    roles: frozenset[Role]

    @property
    def is_public(self) -> bool:
        return Role.ANONYMOUS in self.roles

    @property
    def refusals(self) -> tuple[int, ...]:
        """The statuses with which `check` may refuse."""
        return (401,) if self.is_public else (401, 403)

    def check(self) -> None:
        """Raises UnauthorizedError for the anonymous, and for credentials that are none; ForbiddenError for others."""
        principal = PRINCIPAL.get()
        if principal.failure:
            raise principal.failure
        if principal.role in self.roles:
            return
        if principal.role is Role.ANONYMOUS:
            raise UnauthorizedError("Authentication required")
        raise ForbiddenError("Not allowed")


PUBLIC = Policy(frozenset(Role))
CLIENTS = Policy(frozenset({Role.CLIENT, Role.ADMIN}))
"""Clients, for what is their own; admins, for all."""
ADMINS = Policy(frozenset({Role.ADMIN}))


class Access(NamedTuple):
    """Whom the operations of an entity are for: admins, unless its controller says otherwise."""

    read: Policy = ADMINS
    create: Policy = ADMINS
    change: Policy = ADMINS
    delete: Policy = ADMINS


_API_KEY = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False)
_TOKEN = HTTPBearer(scheme_name="Token", bearerFormat="JWT", auto_error=False)


def credentials(settings: Settings) -> list[Any]:
    """What Swagger UI's Authorize button asks for; `FastPath` has read it before any route runs."""
    return [Security(_API_KEY)] * settings.takes_api_keys + [Security(_TOKEN)] * settings.takes_tokens


def challenge(settings: Settings) -> str:
    """The value of `WWW-Authenticate`, RFC 9110 section 11.6.1. For API keys no scheme is registered."""
    return ", ".join(["ApiKey"] * settings.takes_api_keys + ["Bearer"] * settings.takes_tokens)
