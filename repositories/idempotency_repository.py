"""SQL of kept answers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.idempotency import IdempotencyModel
from repositories.queries.statement import Statement

KEPT = timedelta(hours=24)

NO_LOCK_TIMEOUT = "SET LOCAL lock_timeout = 0"
"""Who repeats a request waits for the first one to end, however long other locks may be waited for."""
_CLAIM = """
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint)
    VALUES (%(caller)s, %(key)s, %(method)s, %(path)s, %(fingerprint)s)
    ON CONFLICT (caller, key) DO UPDATE
        SET method = excluded.method, path = excluded.path, fingerprint = excluded.fingerprint, created_at = now()
        WHERE idempotency_keys.created_at < now() - cast(%(kept)s AS interval)
    RETURNING key
"""
# The key is there; a conflict finds it by its index, where a plan made for a table that was empty might scan it.
_KEEP = """
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint, status, body, location)
    VALUES (%(caller)s, %(key)s, %(method)s, %(path)s, %(fingerprint)s, %(status)s, %(body)s, %(location)s)
    ON CONFLICT (caller, key) DO UPDATE
        SET status = excluded.status, body = excluded.body, location = excluded.location
"""
_FIND = """
    SELECT fingerprint, status, body, location FROM idempotency_keys WHERE caller = %(caller)s AND key = %(key)s
"""


class Kept(NamedTuple):
    """The answer to the first request with a key, and that request's fingerprint."""

    fingerprint: bytes
    status: int
    body: str
    location: str | None


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A request that may be repeated; `fingerprint` is a hash of method, path and body."""

    caller: str
    key: str
    method: str
    path: str
    fingerprint: bytes


class IdempotencyRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    @staticmethod
    def claiming(request: RequestKey) -> Statement:
        """Takes the key for this transaction, which waits `NO_LOCK_TIMEOUT`; returns nothing when there is a kept answer."""
        return Statement(_CLAIM, {**_values(request), "kept": KEPT}, is_prepared=True)

    @staticmethod
    def keeping(request: RequestKey, status: int, body: str, location: str | None) -> Statement:
        answer = {"status": status, "body": body, "location": location}
        return Statement(_KEEP, _values(request) | answer, is_prepared=True)

    @staticmethod
    def finding(request: RequestKey) -> Statement:
        """Returns what is kept under the key."""
        return Statement(_FIND, {"caller": request.caller, "key": request.key})

    def claim(self, request: RequestKey) -> Kept | None:
        """Take the key for this transaction, or return what is kept under it.

        Waits while another transaction holds the key; if that one ends without a commit, the key is this one's.
        """
        claim = self.claiming(request)
        connection = self.session.connection()
        if connection.exec_driver_sql(f"{NO_LOCK_TIMEOUT}; {claim.sql}", claim.parameters).one_or_none():
            return None
        found = self.finding(request)
        return Kept(*connection.exec_driver_sql(found.sql, found.parameters).one())

    def keep(self, request: RequestKey, status: int, body: str, location: str | None) -> None:
        statement = self.keeping(request, status, body, location)
        self.session.connection().exec_driver_sql(statement.sql, statement.parameters)

    def remove_expired(self, at_most: int) -> int:
        """Remove some of the keys that have had their 24 hours; those that a request holds are skipped."""
        row = IdempotencyModel.__table__.c
        expired = (
            select(row.caller, row.key)
            .where(row.created_at < func.now() - KEPT)
            .limit(at_most)
            .with_for_update(skip_locked=True)
            .cte("expired")
        )
        statement = delete(IdempotencyModel).where(
            IdempotencyModel.caller == expired.c.caller, IdempotencyModel.key == expired.c.key
        )
        return int(self.session.execute(statement.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined] # a DELETE's result has it


def _values(request: RequestKey) -> dict[str, Any]:
    return {name: getattr(request, name) for name in RequestKey.__slots__}
