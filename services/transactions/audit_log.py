"""Audit log: each change and its entry are one transaction, so there is never one without the other."""

from repositories.audit_entry_repository import AuditEntryRepository
from repositories.queries.statement import InsertStatement, Statement
from repositories.transaction import Transaction, Values
from services.request_context import RequestContext


def insert_with_entry(statement: InsertStatement, context: RequestContext) -> Statement:
    """Return the statement that makes a row together with its audit entry."""
    entry = _entry(context)
    return AuditEntryRepository.insert_with_entry(statement, entry) if entry else statement.compose()


def add_entry(tx: Transaction, context: RequestContext) -> None:
    """Add the request's entry to its transaction. Changes without a request are not audited."""
    if entry := _entry(context):
        AuditEntryRepository(tx).add(entry)


def _entry(context: RequestContext) -> Values | None:
    audited = context.audited
    return audited and {"principal": context.principal.name, "request_id": context.request_id, **audited._asdict()}
