"""Audit log: each change and its entry are one transaction, so there is never one without the other."""

from repositories.audit_entry_repository import AuditEntryRepository
from repositories.queries.statement import InsertStatement, Statement
from repositories.transaction import Transaction, Values
from services.request_context import AuditedRequest, RequestContext


def insert_with_entry(insert: InsertStatement, context: RequestContext, audited: AuditedRequest) -> Statement:
    """Return the statement that makes a row together with its audit entry."""
    return AuditEntryRepository.insert_with_entry(insert, _entry(context, audited))


def add_entry(tx: Transaction, context: RequestContext, audited: AuditedRequest) -> None:
    """Add the request's entry to its transaction."""
    AuditEntryRepository(tx).add(_entry(context, audited))


def _entry(context: RequestContext, audited: AuditedRequest) -> Values:
    return {"principal": context.principal.name, "request_id": context.request_id, **audited._asdict()}
