"""The caller of a request, independent of the credentials that identified it."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from services.auth.restrictions import UNRESTRICTED, Restrictions
from services.exceptions import ForbiddenError, NotFoundError


class Role(StrEnum):
    ANONYMOUS = "anonymous"
    CLIENT = "client"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """`name` identifies the caller in limits, idempotency keys and the audit log. It is not secret.

    Only clients have a `client_id`, and they see and change only its objects. Only keys have `restrictions`. `failure`
    is the reason why the credentials identify nobody; it is raised as soon as a route checks the principal's rights.
    """

    role: Role
    name: str = ""
    client_id: int | None = None
    restrictions: Restrictions = UNRESTRICTED
    failure: Exception | None = None

    def check_client(self, client_id: int) -> None:
        """Raise NotFoundError for another client: callers must not learn whether it exists."""
        if self.client_id is not None and client_id != self.client_id:
            raise NotFoundError("Client", client_id)

    def check_fields(self, given: Set[str], allowed: frozenset[str] | None) -> None:
        """Raise ForbiddenError if a client sets a field outside `allowed`; None allows all fields."""
        if allowed is not None and self.client_id is not None and (refused := given - allowed):
            raise ForbiddenError(f"Only an admin may set: {', '.join(sorted(refused))}")


ANONYMOUS = Principal(Role.ANONYMOUS)
EVERYBODY = Principal(Role.ADMIN)
"""Every caller while AUTH_MODE is none."""
