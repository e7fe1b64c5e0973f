"""The audit log over HTTP: for admins, read-only."""

from controllers.base_controller_impl import BaseController
from schemas.base_schema import NothingToWrite
from schemas.system.audit_schema import AuditEntrySchema, AuditFilters
from services.system.audit_entry_service import AuditEntryService


class AuditController(BaseController[NothingToWrite, NothingToWrite, AuditEntrySchema]):
    """Who changed what and when, and who was refused."""

    prefix = "/audit"
    service = AuditEntryService
    filters = AuditFilters

    def register(self) -> None:
        self.add_list(self.prefix, self.list_all, "List changes", AuditEntrySchema)
