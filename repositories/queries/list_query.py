"""The statements that read lists: compiled once for each shape of query."""

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from models.base_model import BaseModel
from repositories.queries.filters import (
    SEARCHES,
    Filter,
    condition,
    only_value,
    trigram_condition,
    trigram_parameter,
    trigram_pattern,
)
from repositories.queries.scan_budget import ScanBudget
from repositories.queries.search import Search, has_ordered_index
from repositories.queries.searched_page import SearchedPage
from repositories.queries.statement import OWN, OwnerFilter, Statement, columns_of, compiled, ownership
from schemas.list_query import ListQuery

USUAL_LIMITS = frozenset((10, 20, 50, 100))
"""First pages of these lengths are prepared. As a parameter PostgreSQL takes a length for a tenth of the table, and so
plans each time anew; and of every possible length there would be too many statements to keep.
"""


class Shape(NamedTuple):
    """What decides the text of a list's SQL; everything else is a parameter."""

    model: type[BaseModel]
    fields: tuple[str, ...] | None
    filters: tuple[Filter, ...]
    with_trigrams: tuple[str, ...]
    """Searches for texts of which an index of trigrams can find a part."""
    sort: str
    keyset: bool
    owner_filter: OwnerFilter | None
    first: int | None
    """The length of the first page, when it is a part of the text."""


class Text(NamedTuple):
    sql: str
    is_prepared: bool = False
    walk: ScanBudget | None = None


def list_statement(
    model: type[BaseModel],
    query: ListQuery,
    fields: tuple[str, ...] | None,
    owner_filter: OwnerFilter | None,
    client_id: int | None,
) -> Statement:
    """One page of `fields`, or with None the number of rows that the filters let through."""
    values = query.filters()
    filters = tuple(Filter(name, query.where(name), _fixed(value)) for name, value in values.items())
    patterns = _trigram_patterns(filters, values)
    is_first = query.skip == 0 and query.limit in USUAL_LIMITS and owner_filter is None
    first = query.limit if is_first and all(item.value is not None for item in filters) else None
    order = query.sort, query.after_id is not None
    text = _list_text(Shape(model, fields, filters, tuple(patterns), *order, owner_filter, first))
    parameters = {"after_id": query.after_id, "skip": query.skip, "limit": query.limit, OWN: client_id, **values}
    if text.walk:
        parameters |= text.walk.parameters(query.skip + query.limit)
    for name, pattern in patterns.items():
        parameters[trigram_parameter(name)] = pattern
    return Statement(text.sql, parameters, text.is_prepared)


def _fixed(value: Any) -> Enum | bool | None:
    return value if isinstance(value, (Enum, bool)) else None


def _trigram_patterns(filters: Iterable[Filter], values: Mapping[str, Any]) -> dict[str, str]:
    searches = (item.name for item in filters if item.where.operator == "contains")
    return {name: pattern for name in searches if (pattern := trigram_pattern(values[name]))}


@lru_cache(maxsize=1024)
def _list_text(shape: Shape) -> Text:
    if _is_searched(shape):
        return _searched_text(shape)
    leading = _leading_column(shape)
    conditions = [(only_value if leading else condition)(shape.model, item) for item in shape.filters]
    conditions += [trigram_condition(shape.model, item) for item in shape.filters if item.name in shape.with_trigrams]
    conditions += ownership(shape.owner_filter)
    if shape.fields is None:
        return Text(compiled(select(func.count()).select_from(shape.model).where(*conditions)))
    if shape.keyset:
        conditions.append(shape.model.id_key > bindparam("after_id"))
    rows = select(*columns_of(shape.model, shape.fields)).where(*conditions)
    if shape.first is not None:
        page = rows.order_by(*_order(shape.model, shape.sort, leading)).limit(literal_column(f"{shape.first:d}"))
        return Text(compiled(page), is_prepared=True)
    ordered = _matches_in_order(rows, shape) if shape.with_trigrams else rows.order_by(*_order(shape.model, shape.sort))
    is_search = len(shape.with_trigrams) == len(shape.filters) > 0 and shape.owner_filter is None
    return Text(compiled(ordered.offset(bindparam("skip")).limit(bindparam("limit"))), is_prepared=is_search)


def _leading_column(shape: Shape) -> str | None:
    """The column of the only filter of a first page, where an index has the rows of its value in the page's order.

    Left to choose, the planner goes along that order through the rows of all values in the hope of soon meeting some of
    the one: but the newest orders that are delivered lie behind all that are not.
    """
    if shape.first is None or shape.fields is None or shape.keyset or len(shape.filters) != 1:
        return None
    [where], order = (item.where for item in shape.filters), shape.sort.removeprefix("-")
    columns = [*where.columns, order] if order != "id_key" else where.columns
    is_leading = where.operator == "=" and len(where.columns) == 1 and has_ordered_index(shape.model, *columns)
    return where.columns[0] if is_leading else None


def _matches_in_order(rows: Select[Any], shape: Shape) -> Select[Any]:
    """OFFSET 0 has all matches found first: the planner would go along the order in the hope of meeting some."""
    matches = rows.offset(literal_column("0")).subquery(shape.model.__tablename__)
    return select(matches).order_by(*_order(matches.c, shape.sort))


def _is_searched(shape: Shape) -> bool:
    """Whether a page is asked for whose rows no index has in its order; those of one client are few in any case."""
    is_owned = bool(ownership(shape.owner_filter))
    is_page_by_keys = shape.fields is not None and shape.sort.removeprefix("-") == "id_key"
    return is_page_by_keys and not is_owned and any(item.where.operator in SEARCHES for item in shape.filters)


def _searched_text(shape: Shape) -> Text:
    search = Search.of(
        shape.model,
        shape.filters,
        shape.with_trigrams,
        is_after=shape.keyset,
        is_backwards=shape.sort.startswith("-"),
    )
    return Text(compiled(SearchedPage(search).select(shape.fields or ())), search.is_prepared, search.walk)


def _order(of: Any, sort: str, leading: str | None = None) -> list[ColumnElement[Any]]:
    """The primary key breaks ties in the same direction, so that one index serves both."""
    names = dict.fromkeys(name for name in (leading, sort.removeprefix("-"), "id_key") if name)
    return [getattr(of, name).desc() if sort.startswith("-") else getattr(of, name).asc() for name in names]
