"""SQL of the audit trail."""

from typing import Any

from sqlalchemy import insert

from models.audit_entry import AuditEntryModel
from repositories.base_repository_impl import BaseRepository, Values

_table: Any = AuditEntryModel.__table__
_NOTE = insert(_table)


class AuditEntryRepository(BaseRepository[AuditEntryModel]):
    model = AuditEntryModel

    def note(self, values: Values) -> None:
        """Add an entry to this transaction."""
        self.session.execute(_NOTE, values)
