"""SQL of the audit log."""

from typing import Any

from sqlalchemy import insert

from models.audit_entry import AuditEntryModel
from repositories.base_repository_impl import BaseRepository
from repositories.queries.statement import InsertStatement, Statement
from repositories.transaction import Values

_table: Any = AuditEntryModel.__table__
_ADD = insert(_table)
_ENTRY_STEP = """audited AS (
    INSERT INTO audit (principal, request_id, method, path, status)
    SELECT %(audit_principal)s, %(audit_request_id)s, %(audit_method)s, %(audit_path)s,
        cast(%(audit_status)s AS smallint)
    WHERE EXISTS (SELECT FROM made)
)"""


class AuditEntryRepository(BaseRepository[AuditEntryModel]):
    model = AuditEntryModel

    @staticmethod
    def insert_with_entry(statement: InsertStatement, entry: Values) -> Statement:
        """Return the statement that makes the row and its audit entry: both or neither."""
        return statement.compose(_ENTRY_STEP, **{f"audit_{name}": value for name, value in entry.items()})

    def add(self, entry: Values) -> None:
        """Add an entry to this transaction."""
        self.session.execute(_ADD, entry)
