"""SQL of the audit trail."""

from sqlalchemy import insert

from models.audit_entry import AuditEntryModel
from repositories.base_repository_impl import BaseRepository, Values


class AuditEntryRepository(BaseRepository[AuditEntryModel]):
    model = AuditEntryModel

    def note(self, values: Values) -> None:
        """Add an entry to this transaction."""
        self.session.execute(insert(AuditEntryModel).values(values))
