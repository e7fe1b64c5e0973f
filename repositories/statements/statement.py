"""Statements as text: built by SQLAlchemy, compiled once, run with psycopg2's parameters."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, ColumnElement, Insert, Select, bindparam, select
from sqlalchemy.dialects.postgresql import psycopg2 as postgresql
from sqlalchemy.orm import InstrumentedAttribute

from infrastructure.postgres.prepared_sql import ShortSql
from models.base_model import BaseModel

OWN = "own_client_id"
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's dialects are untyped


class Statement(NamedTuple):
    """`is_prepared` lets the server keep the statement, because one plan suits all parameters."""

    sql: str
    parameters: dict[str, Any]
    is_prepared: bool = False


class InsertStatement(NamedTuple):
    """One statement that makes a row, and returns its `columns`; no row means that a rule refused it.

    `steps` are common table expressions that `insert` reads from, such as the sale that takes stock. `later_steps` read
    the new row from `made`.
    """

    insert: str
    parameters: dict[str, Any]
    columns: tuple[str, ...]
    steps: tuple[str, ...] = ()
    later_steps: tuple[str, ...] = ()

    def compose(self, *more_steps: str, **parameters: Any) -> Statement:
        """Return the whole statement. `more_steps` follow `later_steps`."""
        sql = _compose(self.insert, self.steps, (*self.later_steps, *more_steps))
        return Statement(sql, {**self.parameters, **parameters}, is_prepared=True)


@cache
def _compose(insert: str, steps: tuple[str, ...], later_steps: tuple[str, ...]) -> str:
    if not (steps or later_steps):
        return insert
    return f"WITH {', '.join((*steps, f'made AS ({insert})', *later_steps))} SELECT * FROM made"


ClientKey = int | BindParameter[int]
OwnerFilter = Callable[[ClientKey], ColumnElement[bool] | None]
"""Builds the condition under which a row belongs to a client; None for entities without owners."""


def one_statement(
    model: type[BaseModel],
    id_key: int,
    fields: tuple[str, ...],
    owner_filter: OwnerFilter | None,
    client_id: int | None,
) -> Statement:
    """Return the statement that reads one row by its key, or only if it belongs to `client_id`."""
    return Statement(_one_sql(model, fields, owner_filter), {"id_key": id_key, OWN: client_id}, is_prepared=True)


@lru_cache(maxsize=64)
def _one_sql(model: type[BaseModel], fields: tuple[str, ...], owner_filter: OwnerFilter | None) -> str:
    conditions = [model.id_key == bindparam("id_key"), *ownership(owner_filter)]
    return ShortSql(compiled(select(*columns_of(model, fields)).where(*conditions)))


def ownership(owner_filter: OwnerFilter | None) -> list[ColumnElement[bool]]:
    """Return a list with the owner's condition, or an empty list if the rows have no owner."""
    condition = owner_filter(bindparam(OWN)) if owner_filter else None
    return [] if condition is None else [condition]


def compiled(statement: Select[Any] | Insert, columns: Sequence[str] | None = None) -> str:
    """Return the SQL text, with psycopg2's `%(name)s` for parameters. Write constants as literal columns.

    `columns` of an INSERT are those that parameters of the same names fill.
    """
    return str(statement.compile(dialect=_DIALECT, column_keys=columns))


def typed_parameter(column: Column[Any]) -> str:
    """Return the parameter of the column's name, cast to its type: a SELECT cannot infer the type."""
    return f"cast(%({column.name})s AS {sql_type(column)})"


def sql_type(column: Column[Any]) -> str:
    return str(column.type.compile(_DIALECT))


def columns_of(model: type[BaseModel], names: tuple[str, ...]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(model, name) for name in names]
