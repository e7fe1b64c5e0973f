"""Reading the audit log."""

from models.audit_entry import AuditEntryModel
from repositories.audit_entry_repository import AuditEntryRepository
from schemas.audit_schema import AuditEntrySchema
from schemas.base_schema import NothingToWrite
from services.base_service_impl import BaseService


class AuditEntryService(BaseService[AuditEntryModel, NothingToWrite, NothingToWrite, AuditEntrySchema]):
    repository = AuditEntryRepository
    schema = AuditEntrySchema
