"""Who a request acts for. The rules of services ask this, and know nothing of keys and tokens."""

from collections.abc import Set
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from services.exceptions import ForbiddenError, NotFoundError


class Role(StrEnum):
    ANONYMOUS = "anonymous"
    CLIENT = "client"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """`name` tells principals apart in limits, idempotency keys and the audit trail; it is no secret.

    A client sees and changes what belongs to `client_id`, and it alone has one. `failure` is why nobody could be
    identified by what was sent: whoever asks for the principal's rights gets it raised.
    """

    role: Role
    name: str = ""
    client_id: int | None = None
    failure: Exception | None = None


ANONYMOUS = Principal(Role.ANONYMOUS)
EVERYBODY = Principal(Role.ADMIN)
"""Whoever calls, where the service is open."""

PRINCIPAL: ContextVar[Principal] = ContextVar("PRINCIPAL", default=ANONYMOUS)


def narrowed_to() -> int | None:
    """The client to whose objects the request is confined; None: to nobody's."""
    return PRINCIPAL.get().client_id


def check_own_client(client_id: int) -> None:
    """Raises NotFoundError for another client than one's own: whether it exists is nobody else's business."""
    own = narrowed_to()
    if own is not None and client_id != own:
        raise NotFoundError("Client", client_id)


def check_fields(given: Set[str], allowed: frozenset[str] | None) -> None:
    """Raises ForbiddenError when a client sets a field that is not for clients; None allows all."""
    if allowed is not None and narrowed_to() is not None and (refused := given - allowed):
        raise ForbiddenError(f"Only an admin may set: {', '.join(sorted(refused))}")
