"""Roles and scopes that operations need. Every operation on data checks its permission first."""

from typing import Any, NamedTuple, Self

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer

from config.settings import Settings
from services.auth.principal import Principal, Role
from services.auth.restrictions import Scopes, scope_of, sufficient_scopes
from services.exceptions import ForbiddenError, UnauthorizedError


class Policy(NamedTuple):
    roles: frozenset[Role]
    refusal: str = "Not allowed"

    @property
    def is_public(self) -> bool:
        return Role.ANONYMOUS in self.roles

    @property
    def refusals(self) -> tuple[int, ...]:
        """Statuses of the errors that `check` raises."""
        return (401,) if self.is_public else (401, 403)

    def check(self, principal: Principal) -> None:
        """Raise the principal's failure, UnauthorizedError for anonymous callers, ForbiddenError for other roles."""
        if principal.failure:
            raise principal.failure
        if principal.role not in self.roles:
            if principal.role is Role.ANONYMOUS:
                raise UnauthorizedError("Authentication required")
            raise ForbiddenError(self.refusal)


PUBLIC = Policy(frozenset(Role))
CLIENTS = Policy(frozenset({Role.CLIENT, Role.ADMIN}))
"""Clients for their own objects, admins for all."""
ADMINS = Policy(frozenset({Role.ADMIN}))


class Permission(NamedTuple):
    """Role that an operation needs, and the scopes of which a restricted key needs one."""

    policy: Policy
    scope: str
    sufficient: Scopes

    @classmethod
    def of(cls, policy: Policy, resource: str, *, is_read: bool) -> Self:
        return cls(policy, scope_of(resource, is_read=is_read), sufficient_scopes(resource, is_read=is_read))

    def check(self, principal: Principal) -> None:
        """Raise as `Policy.check` does, and ForbiddenError for a key without the scope.

        A public operation needs no scope, as it needs no key. So a cached response needs none either.
        """
        self.policy.check(principal)
        scopes = principal.restrictions.scopes
        if scopes is not None and scopes.isdisjoint(self.sufficient) and not self.policy.is_public:
            raise ForbiddenError(f"The API key lacks the scope {self.scope}")


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
