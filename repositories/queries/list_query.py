"""List statements, compiled once for each shape of query."""

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select

from infrastructure.postgres.prepared_sql import ShortSql
from models.base_model import BaseModel
from repositories.queries.filters import Filter, after_key, archive_condition, as_range, condition, trigram_condition
from repositories.queries.search import has_ordered_index, search_of
from repositories.queries.search_page import scan_parameters, search_page
from repositories.statements.statement import OWN, OwnerFilter, Statement, columns_of, compiled, ownership
from schemas.list_query import ListQuery

USUAL_LIMITS = frozenset((10, 20, 50, 100))
"""First pages of these lengths are prepared, with the length in the SQL: PostgreSQL takes a parameter for a tenth of
the table.
"""


class Shape(NamedTuple):
    """Everything that decides the SQL of a list. The rest are parameters."""

    model: type[BaseModel]
    fields: tuple[str, ...] | None
    filters: tuple[Filter, ...]
    sort: str
    is_after: bool
    is_archived: bool | None
    """Whether the rows must be archived or must not be; None for all rows."""
    owner_filter: OwnerFilter | None
    first: int | None
    """The length of a first page, when the SQL contains it."""


@lru_cache(maxsize=1024)
def list_statement(
    model: type[BaseModel],
    query: ListQuery,
    fields: tuple[str, ...] | None,
    owner_filter: OwnerFilter | None,
    client_id: int | None,
) -> Statement:
    """Return the statement for one page of `fields`, or for the number of matching rows when `fields` is None."""
    values = query.filters()
    filters = tuple(Filter.of(name, query.where(name), value) for name, value in values.items())
    is_first = fields is not None and query.skip == 0 and query.limit in USUAL_LIMITS and owner_filter is None
    first = query.limit if is_first and all(item.value is not None for item in filters) else None
    is_after, is_archived = query.after_id is not None, query.is_archived()
    shape = Shape(model, fields, filters, query.sort, is_after, is_archived, owner_filter, first)
    sql, is_prepared = _list_sql(shape)
    parameters = {"after_id": query.after_id, "skip": query.skip, "limit": query.limit, OWN: client_id}
    parameters |= scan_parameters(query.skip + query.limit) if filters else {}
    for item in filters:
        parameters |= item.parameters(values[item.name])
    return Statement(sql, parameters, is_prepared)


@lru_cache(maxsize=1024)
def _list_sql(shape: Shape) -> tuple[str, bool]:
    """Return the SQL, and whether to prepare it."""
    model, fixed, is_backwards = shape.model, _fixed_value(shape), shape.sort.startswith("-")
    conditions = [condition(model, item) for item in shape.filters]
    conditions += [trigram_condition(model, item) for item in shape.filters if item.indexed]
    conditions += [*ownership(shape.owner_filter), *archive_condition(model, shape.is_archived)]
    if shape.fields is None:
        return compiled(select(func.count()).select_from(model).where(*conditions)), False
    # The rows of one client are few: its pages are no search.
    is_by_key = shape.sort.removeprefix("-") == "id_key" and not ownership(shape.owner_filter)
    if is_by_key:
        search = search_of(model, shape.filters, shape.sort, shape.is_archived, is_after=shape.is_after)
        if search:
            return compiled(search_page(search, shape.fields)), search.is_prepared
    if fixed:
        values = as_range(model, fixed, is_after=shape.is_after, is_backwards=is_backwards)
        conditions = [values, *archive_condition(model, shape.is_archived)]
    elif shape.is_after:
        conditions.append(after_key(model.id_key, is_backwards=is_backwards))
    rows = select(*columns_of(model, shape.fields)).where(*conditions)
    if shape.first is not None:
        page = rows.order_by(*ordering(model, shape.sort, fixed)).limit(literal_column(f"{shape.first:d}"))
        return (compiled(page) if shape.filters else ShortSql(compiled(page))), True
    source: Any = model
    if any(item.indexed for item in shape.filters):
        # OFFSET 0 hides the page from the planner. It would scan in order, as if matches came early.
        source = rows.offset(literal_column("0")).subquery(model.__tablename__).c
        rows = select(*source)
    page = rows.order_by(*ordering(source, shape.sort, fixed)).offset(bindparam("skip")).limit(bindparam("limit"))
    return compiled(page), False


def _fixed_value(shape: Shape) -> Filter | None:
    """Return the filter if it is the only one, its value is in the SQL, and an index has its rows in the page's order.

    The page then orders by the filter's column first, so that only this index fits. Otherwise the planner may scan all
    rows in order, and finds no match for long: the newest orders are not delivered yet.
    """
    if (shape.first is None and not shape.is_after) or len(shape.filters) != 1 or shape.owner_filter:
        return None
    [item], order = shape.filters, shape.sort.removeprefix("-")
    where, is_fixed = item.where, item.value is not None
    columns = [where.column, order] if order != "id_key" else [where.column]
    return item if is_fixed and where.operator == "=" and has_ordered_index(shape.model, *columns) else None


def ordering(source: Any, sort: str, fixed: Filter | None) -> list[ColumnElement[Any]]:
    """Return the order. The primary key breaks ties in the same direction, so one index serves both directions."""
    leading = [fixed.where.column] if fixed else []
    names = dict.fromkeys([*leading, sort.removeprefix("-"), "id_key"])
    return [getattr(source, name).desc() if sort.startswith("-") else getattr(source, name).asc() for name in names]
