"""The statement that inserts one row, compiled once for each entity, for Sessions and for the event loop alike."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, insert

from models.base_model import BaseModel
from repositories.queries.statement import Statement, compiled

RETURN = " SELECT * FROM made"
"""How a creation ends that is more than an INSERT: `made` is the row."""

Computed = tuple[str, ColumnElement[Any]]
"""A column, and what the database is to compute for it."""


def insert_statement(
    model: type[BaseModel], values: dict[str, Any], fields: tuple[str, ...], computed: Computed | None = None
) -> Statement:
    """Inserts `values` and returns `fields`. Parameters of `computed` are taken from `values`, too."""
    return Statement(_insert_sql(model, tuple(values), fields, computed), values, is_prepared=True)


@lru_cache(maxsize=64)
def _insert_sql(
    model: type[BaseModel], names: tuple[str, ...], fields: tuple[str, ...], computed: Computed | None
) -> str:
    table: Any = model.__table__
    statement = insert(table).returning(*(table.columns[name] for name in fields))
    if computed:
        statement = statement.values(dict([computed]))
    return compiled(statement, [name for name in names if name in table.columns])
