"""What an error of the database means to a client, told by psycopg2's classes and the constraint's name."""

from collections.abc import Mapping

from psycopg2 import errors
from sqlalchemy import ForeignKey, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.database import base
from infrastructure.exceptions import DatabaseUnavailableError
from models.base_model import BaseModel
from repositories.base_repository_impl import Attempt, is_storable_key
from services.exceptions import ConflictError, InvalidError, NotFoundError

RETRIED = (errors.DeadlockDetected, errors.SerializationFailure)
UNAVAILABLE = (errors.OperationalError, errors.InterfaceError, errors.LockNotAvailable, errors.QueryCanceled)


def meaning(session: Session, error: DBAPIError, unique_messages: Mapping[str, str]) -> Exception:
    """The error to raise instead of `error`; itself when it is a fault of ours. The session must be usable again."""
    cause, attempted = error.orig, session.info.get("attempted")
    if isinstance(cause, errors.UniqueViolation):
        return ConflictError(unique_messages.get(cause.diag.constraint_name or "", "Value already exists"))
    if isinstance(cause, errors.ForeignKeyViolation) and attempted:
        return _broken_reference(session, attempted, cause.diag.table_name or "")
    if isinstance(cause, errors.NumericValueOutOfRange) and attempted:
        return _missing_reference(session, attempted) or ConflictError("The result is out of range")
    if isinstance(cause, errors.CheckViolation):
        rule = (cause.diag.constraint_name or "").removeprefix(f"ck_{cause.diag.table_name}_")
        return InvalidError(f"Violates the rule: {rule.replace('_', ' ')}")
    return availability(error)


def availability(error: DBAPIError) -> Exception:
    """DatabaseUnavailableError when that is what the error says, or else the error itself."""
    if isinstance(error.orig, UNAVAILABLE) or error.connection_invalidated:
        return DatabaseUnavailableError(str(error.orig).strip())
    return error


def _broken_reference(session: Session, attempted: Attempt, referring_table: str) -> Exception:
    if referring_table == attempted.model.__tablename__:
        return _missing_reference(session, attempted) or ConflictError("What the object refers to is being changed")
    label, id_key = attempted.model.label(), attempted.values.get("id_key")
    return ConflictError(f"Cannot delete {label} {id_key}: it has {referring_table.replace('_', ' ')}")


def _missing_reference(session: Session, attempted: Attempt) -> NotFoundError | None:
    """The first of the references, in the order of the table's columns, that leads nowhere."""
    for column in attempted.model.__table__.columns:
        for key in column.foreign_keys:
            id_key = attempted.values.get(column.name)
            if id_key is not None and not _exists(session, model := _target(key), id_key):
                return NotFoundError(model.entity_name(), id_key)
    return None


def _target(key: ForeignKey) -> type[BaseModel]:
    table = key.column.table
    return next(mapper.class_ for mapper in base.registry.mappers if mapper.local_table is table)


def _exists(session: Session, model: type[BaseModel], id_key: int) -> bool:
    return is_storable_key(id_key) and session.scalar(select(model.id_key).where(model.id_key == id_key)) is not None
