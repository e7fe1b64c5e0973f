"""The audit trail: a change is noted in its own transaction, so that there is never one without the other."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple, TypeVar

from sqlalchemy.orm import Session

from config.logging_config import REQUEST_ID
from repositories.audit_entry_repository import AuditEntryRepository
from services.principal import PRINCIPAL

T = TypeVar("T")


class Write(NamedTuple):
    """A request that changes something; `status` is what it answers when it succeeds."""

    method: str
    path: str
    status: int


WRITE: ContextVar[Write | None] = ContextVar("WRITE", default=None)


def audited(work: Callable[[Session], T]) -> Callable[[Session], T]:
    """`work`, and an entry for it when it has succeeded; what no request has asked for is not noted."""
    write = WRITE.get()
    if write is None:
        return work
    entry = {"principal": PRINCIPAL.get().name, "request_id": REQUEST_ID.get(), **write._asdict()}

    def noted(session: Session) -> T:
        result = work(session)
        AuditEntryRepository(session).note(entry)
        return result

    return noted
