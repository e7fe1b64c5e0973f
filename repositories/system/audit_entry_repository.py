"""SQL of the audit log."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, text

from models.system.audit_entry import AuditEntryModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import InsertStatement, Statement
from repositories.transaction import Values

_INSERT = "INSERT INTO audit (principal, request_id, caller_request_id, method, path, status)"
_PLAIN = f"""{_INSERT}
    SELECT %(audit_principal)s, %(audit_request_id)s, %(audit_caller_request_id)s, %(audit_method)s, %(audit_path)s,
        cast(%(audit_status)s AS smallint)"""
# A client's entry without an id, as of all creations. COALESCE calls the functions for the first entry only.
_BY_CLIENT = f"""{_INSERT}
    SELECT 'client:' || coalesce(
            (SELECT pseudonym FROM audit_keys WHERE client_id = cast(%(audit_client_id)s AS bigint)),
            audit_pseudonym(audit_key(cast(%(audit_client_id)s AS bigint)))
        ), %(audit_request_id)s, %(audit_caller_request_id)s, %(audit_method)s, %(audit_path)s,
        cast(%(audit_status)s AS smallint)"""
# An entry about a client, with an id in its path. Migration 0011 explains the functions.
# A prepared parameter has the same type in all places.
_PSEUDONYMOUS = f"""{_INSERT}
    SELECT coalesce(cast(%(audit_principal)s AS text), 'client:' || audit_pseudonym(key)),
        cast(%(audit_request_id)s AS text), %(audit_caller_request_id)s, %(audit_method)s,
        audit_path(
            key, cast(%(audit_principal)s AS text) IS NULL, cast(%(audit_request_id)s AS text), %(audit_path)s
        ),
        cast(%(audit_status)s AS smallint)
    FROM audit_key(cast(%(audit_client_id)s AS bigint)) AS key"""
_ADD_REFUSALS = """
    INSERT INTO audit (created_at, principal, request_id, caller_request_id, method, path, status, times)
    SELECT created_at, coalesce(principal, 'client:' || audit_pseudonym(audit_key(client_id))), request_id,
        caller_request_id, method, path, status, times
    FROM unnest(
        cast(%(created_at)s AS timestamptz[]), cast(%(client_id)s AS bigint[]), cast(%(principal)s AS text[]),
        cast(%(request_id)s AS text[]), cast(%(caller_request_id)s AS text[]), cast(%(method)s AS text[]),
        cast(%(path)s AS text[]), cast(%(status)s AS smallint[]), cast(%(times)s AS integer[])
    ) AS refusal (created_at, client_id, principal, request_id, caller_request_id, method, path, status, times)
"""
_has_id = re.compile(r"/[0-9]").search
_KEYS = "SELECT pseudonym, client_id, key FROM audit_keys WHERE pseudonym = ANY (cast(%(pseudonyms)s AS text[]))"
_PSEUDONYM = "SELECT pseudonym, key FROM audit_keys WHERE client_id = %(client_id)s"
_SEAL = text("SELECT number, last_id, entries, encode(seal, 'hex') AS seal FROM seal_audit() WHERE number IS NOT NULL")


class AuditEntryRepository(BaseRepository[AuditEntryModel]):
    """An entry has the columns of the table as values, and the `client_id` that it is about.

    A client's own entry has None as `principal`: the database inserts its pseudonym.
    """

    model = AuditEntryModel

    @staticmethod
    def insert_with_entry(statement: InsertStatement, entry: Values) -> Statement:
        """Return the statement that makes the row and its audit entry: both or neither."""
        return statement.compose(f"audited AS ({_insert(entry)} WHERE EXISTS (SELECT FROM made))", **_parameters(entry))

    def add(self, entry: Values) -> None:
        """Add an entry to this transaction."""
        self.run(Statement(_insert(entry), _parameters(entry)))

    @staticmethod
    def add_refusals(refusals: Sequence[Values]) -> Statement:
        """Return the statement that adds entries about refusals."""
        return Statement(_ADD_REFUSALS, {name: [refusal[name] for refusal in refusals] for name in refusals[0]})

    @staticmethod
    def keys(pseudonyms: Collection[str]) -> Statement:
        """Return the statement that reads pseudonym, id and key of those clients that still exist."""
        return Statement(_KEYS, {"pseudonyms": list(pseudonyms)})

    @staticmethod
    def pseudonym(client_id: int) -> Statement:
        """Return the statement that reads pseudonym and key of a client; no row if there are no entries about it."""
        return Statement(_PSEUDONYM, {"client_id": client_id})

    def seal(self) -> Row[Any] | None:
        """Seal the next batch in this transaction, which must have no statement before.

        Returns None if there are no entries, if another session seals, or if writers do not end within 2 s.
        """
        self.session.connection(execution_options={"isolation_level": "READ COMMITTED"})
        return self.session.execute(_SEAL).one_or_none()


def _insert(entry: Values) -> str:
    if entry["client_id"] is None:
        return _PLAIN
    return _PSEUDONYMOUS if _has_id(entry["path"]) else _BY_CLIENT


def _parameters(entry: Values) -> dict[str, object]:
    return {f"audit_{name}": value for name, value in entry.items()}
