"""SQL of the audit trail."""

from functools import cache
from typing import Any

from sqlalchemy import insert

from models.audit_entry import AuditEntryModel
from repositories.base_repository_impl import BaseRepository, Values
from repositories.queries.insert import RETURN
from repositories.queries.statement import Statement

_table: Any = AuditEntryModel.__table__
_NOTE = insert(_table)
_NOTE_MADE = """, noted AS (
    INSERT INTO audit (principal, request_id, method, path, status)
    SELECT %(audit_principal)s, %(audit_request_id)s, %(audit_method)s, %(audit_path)s,
        cast(%(audit_status)s AS smallint)
    WHERE EXISTS (SELECT FROM made)
)"""


class AuditEntryRepository(BaseRepository[AuditEntryModel]):
    model = AuditEntryModel

    @staticmethod
    def noting(creation: Statement, entry: Values) -> Statement:
        """The statement that makes a row, and with it an entry: both or neither."""
        parameters = {**creation.parameters, **{f"audit_{name}": value for name, value in entry.items()}}
        return creation._replace(sql=_noting(creation.sql), parameters=parameters)

    def note(self, values: Values) -> None:
        """Add an entry to this transaction."""
        self.session.execute(_NOTE, values)


@cache
def _noting(sql: str) -> str:
    made = sql.removesuffix(RETURN) if sql.endswith(RETURN) else f"WITH made AS ({sql})"
    return f"{made}{_NOTE_MADE}{RETURN}"
