"""SQL of kept answers."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from models.idempotency import IdempotencyModel

KEPT = timedelta(hours=24)

# Who repeats a request waits for the first one to end, however long other locks may be waited for.
_CLAIM = text("""
    SET LOCAL lock_timeout = 0;
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint)
    VALUES (:caller, :key, :method, :path, :fingerprint)
    ON CONFLICT (caller, key) DO UPDATE
        SET method = excluded.method, path = excluded.path, fingerprint = excluded.fingerprint, created_at = now()
        WHERE idempotency_keys.created_at < now() - cast(:kept AS interval)
    RETURNING key
""")


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

    def claim(self, request: RequestKey) -> IdempotencyModel | None:
        """Take the key for this transaction, or return what is kept under it.

        Waits while another transaction holds the key; if that one ends without a commit, the key is this one's.
        """
        values = {name: getattr(request, name) for name in RequestKey.__slots__}
        if self.session.execute(_CLAIM, {**values, "kept": KEPT}).one_or_none():
            return None
        kept = IdempotencyModel.caller == request.caller, IdempotencyModel.key == request.key
        return self.session.scalars(select(IdempotencyModel).where(*kept)).one()

    def keep(self, request: RequestKey, status: int, body: str, location: str | None) -> None:
        statement = update(IdempotencyModel).values(status=status, body=body, location=location)
        self.session.execute(
            statement.where(IdempotencyModel.caller == request.caller, IdempotencyModel.key == request.key)
        )

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
