"""Audit log: each change and its entry are one transaction, so there is never one without the other."""

import re

from repositories.statements.statement import InsertStatement, Statement
from repositories.system.audit_entry_repository import AuditEntryRepository
from repositories.transaction import Transaction, Values
from services.context.request_context import AuditedRequest, RequestContext

_client_in_path = re.compile(r"/clients/(\d+)(?=/|$)").match


def insert_with_entry(insert: InsertStatement, context: RequestContext, audited: AuditedRequest) -> Statement:
    """Return the statement that makes a row together with its audit entry."""
    return AuditEntryRepository.insert_with_entry(insert, _entry(context, audited))


def add_entry(tx: Transaction, context: RequestContext, audited: AuditedRequest) -> None:
    """Add the request's entry to its transaction."""
    AuditEntryRepository(tx).add(_entry(context, audited))


def _entry(context: RequestContext, audited: AuditedRequest) -> Values:
    """Return the entry. It is about a client that made the request, or that the path names."""
    principal, client_id = context.principal, context.principal.client_id
    name = principal.name if client_id is None else None
    if client_id is None and (named := _client_in_path(audited.path)):
        client_id = int(named[1])
    return {"principal": name, "client_id": client_id, **audited._asdict()}
