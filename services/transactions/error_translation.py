"""Translation of database errors into service errors, by psycopg2's class and the constraint's name, never by text."""

from collections.abc import Mapping

from psycopg2 import errors
from sqlalchemy import ForeignKey, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.database import base
from infrastructure.exceptions import DatabaseUnavailableError
from models.base_model import BaseModel
from repositories.transaction import Attempt, Transaction
from schemas.base_schema import is_storable_key
from services.exceptions import ConflictError, InvalidError, NotFoundError

CONFLICTS = (errors.DeadlockDetected, errors.SerializationFailure)
"""Conflicts between transactions; running the same work again can succeed."""
UNAVAILABLE = (errors.OperationalError, errors.InterfaceError, errors.LockNotAvailable, errors.QueryCanceled)


def translate_error(tx: Transaction | None, error: DBAPIError, unique_messages: Mapping[str, str]) -> Exception:
    """Return the error to raise instead of `error`: itself if it is a fault of ours.

    The session of `tx` must be usable; it finds out which reference is missing.
    """
    cause, attempt = error.orig, tx.attempt if tx else None
    if isinstance(cause, errors.UniqueViolation):
        message = unique_messages.get(cause.diag.constraint_name or "", "Value already exists")
        return ConflictError(message.format_map(attempt.values if attempt else {}))
    if isinstance(cause, errors.ForeignKeyViolation):
        if tx is None or attempt is None:
            return ConflictError("The change breaks a reference between objects")
        return _broken_reference(tx.session, attempt, cause.diag.table_name or "")
    if isinstance(cause, errors.NumericValueOutOfRange):
        return ConflictError("The result is out of range")
    if isinstance(cause, errors.CheckViolation) and cause.diag.constraint_name:  # none: a key beyond all partitions
        rule = cause.diag.constraint_name.removeprefix(f"ck_{cause.diag.table_name}_")
        return InvalidError(f"Violates the rule: {rule.replace('_', ' ')}")
    return translate_unavailable(error)


def translate_unavailable(error: DBAPIError) -> Exception:
    """Return DatabaseUnavailableError if the server is away or too slow, otherwise the error itself."""
    if isinstance(error.orig, UNAVAILABLE) or error.connection_invalidated:
        return DatabaseUnavailableError(str(error.orig).strip())
    return error


def _broken_reference(session: Session, attempt: Attempt, referring_table: str) -> Exception:
    if referring_table == attempt.model.__tablename__:
        return missing_reference(session, attempt) or ConflictError("What the object refers to is being changed")
    label, id_key = attempt.model.label(), attempt.values.get("id_key")
    return ConflictError(f"Cannot delete {label} {id_key}: it has {referring_table.replace('_', ' ')}")


def missing_reference(session: Session, attempt: Attempt) -> NotFoundError | None:
    """Return the error for the first reference, in the order of the columns, whose object does not exist."""
    for column in attempt.model.__table__.columns:
        for key in column.foreign_keys:
            id_key = attempt.values.get(column.name)
            if id_key is not None and not _exists(session, model := _target(key), id_key):
                return NotFoundError(model.entity_name(), id_key)
    return None


def _target(key: ForeignKey) -> type[BaseModel]:
    table = key.column.table
    return next(mapper.class_ for mapper in base.registry.mappers if mapper.local_table is table)


def _exists(session: Session, model: type[BaseModel], id_key: int) -> bool:
    return is_storable_key(id_key) and session.scalar(select(model.id_key).where(model.id_key == id_key)) is not None
