"""The audit trail: a change is noted in its own transaction, so that there is never one without the other."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.orm import Session

from config.logging_config import REQUEST_ID
from repositories.audit_entry_repository import AuditEntryRepository
from repositories.queries.statement import Statement
from services.auth.principal import PRINCIPAL

T = TypeVar("T")


class Write(NamedTuple):
    """A request that changes something; `status` is what it answers when it succeeds."""

    method: str
    path: str
    status: int


WRITE: ContextVar[Write | None] = ContextVar("WRITE", default=None)


def audited(work: Callable[[Session], T]) -> Callable[[Session], T]:
    """`work`, and an entry for it when it has succeeded; what no request has asked for is not noted."""
    entry = _entry()
    if entry is None:
        return work

    def noted(session: Session) -> T:
        result = work(session)
        AuditEntryRepository(session).note(entry)
        return result

    return noted


def audited_creation(creation: Statement) -> Statement:
    """The same for a creation that is a statement by itself."""
    entry = _entry()
    return creation if entry is None else AuditEntryRepository.noting(creation, entry)


def _entry() -> dict[str, Any] | None:
    write = WRITE.get()
    return write and {"principal": PRINCIPAL.get().name, "request_id": REQUEST_ID.get(), **write._asdict()}
