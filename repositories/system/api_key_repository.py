"""SQL of API keys. A revoked key stays in its table, because the audit log names it; only lists can show it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func

from models.system.api_key import ApiKeyModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import ClientKey, Statement, one_statement

# The use is recorded once a minute, and never waits for a row that another transaction holds.
_USE = """
    WITH unrecorded AS (
        SELECT id_key FROM api_keys
        WHERE digest = %(digest)s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
        FOR NO KEY UPDATE SKIP LOCKED
    ), recorded AS (
        UPDATE api_keys SET last_used_at = now() FROM unrecorded
        WHERE api_keys.id_key = unrecorded.id_key AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    )
    SELECT name, role, client_id, scopes, networks, expires_at FROM api_keys
    WHERE digest = %(digest)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""


class UsedKey(NamedTuple):
    name: str
    role: str
    client_id: int | None
    scopes: list[str] | None
    networks: list[str] | None
    expires_at: datetime | None


class ApiKeyRepository(BaseRepository[ApiKeyModel]):
    model = ApiKeyModel

    @staticmethod
    def use(digest: bytes) -> Statement:
        """Return the statement that reads a `UsedKey` and records its use. It finds no key that has ended."""
        return Statement(_USE, {"digest": digest})

    @classmethod
    def one(cls, id_key: int, fields: tuple[str, ...], client_id: int | None = None) -> Statement:
        return one_statement(cls.model, id_key, fields, _is_not_revoked, client_id)

    def lock(self, id_key: int, client_id: int | None = None) -> ApiKeyModel | None:
        key = super().lock(id_key, client_id)
        return key if key and key.revoked_at is None else None

    def remove(self, instance: ApiKeyModel) -> None:
        """Revoke the key."""
        self.update(instance, {"revoked_at": func.now()})

    def replace(self, instance: ApiKeyModel, replaced_by_id: int, overlap_seconds: int) -> None:
        """Name the key's successor, and end the key after the overlap, unless it ends before."""
        end = func.least(ApiKeyModel.expires_at, func.now() + timedelta(seconds=overlap_seconds))
        self.update(instance, {"replaced_by_id": replaced_by_id, "expires_at": end})


def _is_not_revoked(_: ClientKey) -> ColumnElement[bool]:
    return ApiKeyModel.revoked_at.is_(None)
