"""Statements of plain reads: built by SQLAlchemy, compiled once for each shape, run with psycopg2's parameters."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Insert, Select, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import psycopg2 as postgresql
from sqlalchemy.orm import InstrumentedAttribute

from models.base_model import BaseModel
from repositories.searched_page import WALK, has_ordered_index, searched_page, walk_length
from schemas.list_query import ListQuery, Operator, Where

_COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    "contains": lambda column, value: func.lower(column).like(func.lower(value)),
    "lower=": lambda column, value: func.lower(column) == func.lower(value),
    "positive": lambda column, value: (column > literal_column("0")) == value,
}
OWN = "own_client_id"
USUAL_LIMITS = frozenset((10, 20, 50, 100))
"""First pages of these lengths are prepared. As a parameter PostgreSQL takes a length for a tenth of the table, and so
plans each time anew; and of every possible length there would be too many statements to keep.
"""
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's dialects are untyped


class Statement(NamedTuple):
    """`is_prepared`: the server may keep it, because one plan is good for all parameters."""

    sql: str
    parameters: dict[str, Any]
    is_prepared: bool = False


ClientKey = int | BindParameter[int]
Owned = Callable[[ClientKey], ColumnElement[bool] | None]
"""The condition under which a row belongs to the client whose key is given, where rows have owners."""


class Shape(NamedTuple):
    """What decides the text of a list's SQL; everything else is a parameter."""

    model: type[BaseModel]
    query: type[ListQuery]
    fields: tuple[str, ...] | None
    filters: tuple[str, ...]
    sort: str
    keyset: bool
    owned: Owned | None
    first: int | None
    """The length of the first page, when it is a part of the text."""


def one_statement(
    model: type[BaseModel], id_key: int, fields: tuple[str, ...], owned: Owned | None, client_id: int | None
) -> Statement:
    return Statement(_one_sql(model, fields, owned), {"id_key": id_key, OWN: client_id}, is_prepared=True)


def list_statement(
    model: type[BaseModel],
    query: ListQuery,
    fields: tuple[str, ...] | None,
    owned: Owned | None,
    client_id: int | None,
) -> Statement:
    """One page of `fields`, or with None the number of rows that the filters let through."""
    filters, is_first = query.filters(), query.skip == 0 and query.limit in USUAL_LIMITS
    first = query.limit if is_first and not filters and owned is None else None
    shape = Shape(model, type(query), fields, tuple(filters), query.sort, query.after_id is not None, owned, first)
    parameters = {"after_id": query.after_id, "skip": query.skip, "limit": query.limit, OWN: client_id}
    if filters:
        parameters |= {name: _parameter(query.where(name), value) for name, value in filters.items()}
        parameters["walk"] = walk_length(map(query.where, filters), query.skip + query.limit)
    return Statement(_list_sql(shape), parameters, first is not None)


@lru_cache(maxsize=64)
def _one_sql(model: type[BaseModel], fields: tuple[str, ...], owned: Owned | None) -> str:
    conditions = [model.id_key == bindparam("id_key"), *_ownership(owned)]
    return compiled(select(*_columns(model, fields)).where(*conditions))


@lru_cache(maxsize=1024)
def _list_sql(shape: Shape) -> str:
    model = shape.model
    conditions = {name: _condition(shape, name) for name in shape.filters}
    always = _ownership(shape.owned)
    if shape.fields is None:
        return compiled(select(func.count()).select_from(model).where(*conditions.values(), *always))
    if shape.keyset:
        always.append(model.id_key > bindparam("after_id"))
    if _is_searched(shape):
        walked = [*(conditions.pop(name) for name in shape.filters if _is_walked(shape, name)), *always]
        backwards = shape.sort.startswith("-")
        return compiled(searched_page(model, shape.fields, walked, conditions.values(), backwards=backwards))
    statement = select(*_columns(model, shape.fields)).where(*conditions.values(), *always)
    statement = statement.order_by(*_order(model, shape.sort))
    if shape.first is not None:
        return compiled(statement.limit(literal_column(f"{shape.first:d}")))
    return compiled(statement.offset(bindparam("skip")).limit(bindparam("limit")))


def _is_searched(shape: Shape) -> bool:
    """Whether rows that no index has in the list's order are looked for; those of one client are few in any case."""
    is_owned = bool(_ownership(shape.owned))
    in_order_of_keys = shape.sort.removeprefix("-") == "id_key"
    return in_order_of_keys and not is_owned and any(shape.query.where(name).operator in WALK for name in shape.filters)


def _is_walked(shape: Shape, name: str) -> bool:
    where = shape.query.where(name)
    return where.operator == "=" and all(has_ordered_index(shape.model, column) for column in where.columns)


def _ownership(owned: Owned | None) -> list[ColumnElement[bool]]:
    condition = owned(bindparam(OWN)) if owned else None
    return [] if condition is None else [condition]


def compiled(statement: Select[Any] | Insert, columns: Sequence[str] | None = None) -> str:
    """The SQL text, with psycopg2's `%(name)s` for parameters; write constants as literal columns. Of an INSERT,
    `columns` are those that parameters of the same names fill.
    """
    return str(statement.compile(dialect=_DIALECT, column_keys=columns))


def _columns(model: type[BaseModel], names: tuple[str, ...]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(model, name) for name in names]


def _order(model: type[BaseModel], sort: str) -> list[ColumnElement[Any]]:
    """The primary key breaks ties in the same direction, so that one index serves both."""
    names = [sort.removeprefix("-")] + (["id_key"] if sort.removeprefix("-") != "id_key" else [])
    return [getattr(model, name).desc() if sort.startswith("-") else getattr(model, name).asc() for name in names]


def _condition(shape: Shape, name: str) -> ColumnElement[bool]:
    where: Where = shape.query.where(name)
    value: BindParameter[Any] = bindparam(name)
    return or_(*(_compare(getattr(shape.model, column), where, value) for column in where.columns))


def _compare(column: Any, where: Where, value: BindParameter[Any]) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = _COMPARISONS[where.operator](column, value)
    return condition


def _parameter(where: Where, value: Any) -> Any:
    """The wildcards of LIKE in a search are text; backslash is PostgreSQL's default escape character."""
    if where.operator != "contains":
        return value
    text = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{text}%"
