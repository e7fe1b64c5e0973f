"""SQL of API keys."""

from collections.abc import Sequence

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session

from models.api_key import ApiKeyModel
from repositories.queries.statement import Statement

_USE = """
    UPDATE api_keys SET last_used_at = now() WHERE digest = %(digest)s AND revoked_at IS NULL
    RETURNING name, role, client_id
"""


class ApiKeyRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    @staticmethod
    def use(digest: bytes) -> Statement:
        """Return the statement that finds a valid key and records its use. It does not find a revoked key."""
        return Statement(_USE, {"digest": digest})

    def add(self, name: str, digest: bytes, role: str, client_id: int | None) -> None:
        values = {"name": name, "digest": digest, "role": role, "client_id": client_id}
        self.session.execute(insert(ApiKeyModel).values(values))

    def revoke(self, name: str) -> bool:
        """Revoke the key. Return False if there is no valid key of this name."""
        statement = update(ApiKeyModel).values(revoked_at=func.now())
        found = statement.where(ApiKeyModel.name == name, ApiKeyModel.revoked_at.is_(None)).returning(ApiKeyModel.name)
        return self.session.execute(found).one_or_none() is not None

    def all(self) -> Sequence[Row[tuple[object, ...]]]:
        """Return all keys without their digests, oldest first."""
        shown = ("name", "role", "client_id", "created_at", "last_used_at", "revoked_at")
        columns = (getattr(ApiKeyModel, name) for name in shown)
        return self.session.execute(select(*columns).order_by(ApiKeyModel.created_at)).all()
