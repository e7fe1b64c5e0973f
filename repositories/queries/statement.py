"""Statements as text: built by SQLAlchemy, compiled once, run with psycopg2's parameters."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Insert, Select, bindparam, select
from sqlalchemy.dialects.postgresql import psycopg2 as postgresql
from sqlalchemy.orm import InstrumentedAttribute

from models.base_model import BaseModel

OWN = "own_client_id"
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's dialects are untyped


class Statement(NamedTuple):
    """`is_prepared`: the server may keep it, because one plan is good for all parameters."""

    sql: str
    parameters: dict[str, Any]
    is_prepared: bool = False


ClientKey = int | BindParameter[int]
OwnerFilter = Callable[[ClientKey], ColumnElement[bool] | None]
"""The condition under which a row belongs to the client whose key is given, where rows have owners."""


def one_statement(
    model: type[BaseModel],
    id_key: int,
    fields: tuple[str, ...],
    owner_filter: OwnerFilter | None,
    client_id: int | None,
) -> Statement:
    return Statement(_one_sql(model, fields, owner_filter), {"id_key": id_key, OWN: client_id}, is_prepared=True)


@lru_cache(maxsize=64)
def _one_sql(model: type[BaseModel], fields: tuple[str, ...], owner_filter: OwnerFilter | None) -> str:
    conditions = [model.id_key == bindparam("id_key"), *ownership(owner_filter)]
    return compiled(select(*columns_of(model, fields)).where(*conditions))


def ownership(owner_filter: OwnerFilter | None) -> list[ColumnElement[bool]]:
    condition = owner_filter(bindparam(OWN)) if owner_filter else None
    return [] if condition is None else [condition]


def compiled(statement: Select[Any] | Insert, columns: Sequence[str] | None = None) -> str:
    """The SQL text, with psycopg2's `%(name)s` for parameters; write constants as literal columns. Of an INSERT,
    `columns` are those that parameters of the same names fill.
    """
    return str(statement.compile(dialect=_DIALECT, column_keys=columns))


def columns_of(model: type[BaseModel], names: tuple[str, ...]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(model, name) for name in names]
