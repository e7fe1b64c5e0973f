"""The INSERT of one row, compiled once for each entity and shared by sessions and the event loop."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, insert

from models.base_model import BaseModel
from repositories.statements.statement import compiled

Computed = tuple[str, ColumnElement[Any]]
"""A column, and the expression with which the database computes it."""


@lru_cache(maxsize=64)
def insert_sql(
    model: type[BaseModel], names: tuple[str, ...], fields: tuple[str, ...], computed: Computed | None = None
) -> str:
    """Return an INSERT of the parameters `names` that returns `fields`; `computed` may use further parameters."""
    table: Any = model.__table__
    statement = insert(table).returning(*(table.columns[name] for name in fields))
    if computed:
        statement = statement.values(dict([computed]))
    return compiled(statement, [name for name in names if name in table.columns])
