"""Shared parts of batches and imports: rows as JSON, and the reaction to refusals of the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg2.errors import ForeignKeyViolation, UniqueViolation
from sqlalchemy.exc import IntegrityError

from repositories.base_repository_impl import Record
from schemas.base_schema import to_json
from services.transactions.unit_of_work import RetryError


@contextmanager
def retried_if_refused() -> Iterator[None]:
    """Turn a refusal of the database into RetryError.

    The values have been checked, so another transaction has just taken an SKU or deleted a category. The next attempt
    finds it out, and explains it.
    """
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation | ForeignKeyViolation):
            raise RetryError from error
        raise


def to_text(rows: Sequence[Record]) -> str:
    """Return rows as the JSON text that statements read."""
    return to_json(rows).decode()
