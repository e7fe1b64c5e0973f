"""List statements, compiled once for each shape of query."""

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select

from infrastructure.postgres.prepared_sql import ShortSql
from models.base_model import BaseModel
from repositories.queries.filters import Filter, after_key, archive_condition, as_range, condition, indexed_condition
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
    """The length of a first page, which the SQL may contain."""


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
    first = query.limit if fields and not query.skip and query.limit in USUAL_LIMITS and not owner_filter else None
    is_after, is_archived = query.after_id is not None, query.is_archived()
    sql, is_prepared = _list_sql(Shape(model, fields, filters, query.sort, is_after, is_archived, owner_filter, first))
    parameters = {"after_id": query.after_id, "skip": query.skip, "limit": query.limit, OWN: client_id}
    parameters |= scan_parameters(query.skip + query.limit) if filters else {}
    for item in filters:
        parameters |= item.parameters(values[item.name])
    return Statement(sql, parameters, is_prepared)


@lru_cache(maxsize=1024)
def _list_sql(shape: Shape) -> tuple[str, bool]:
    """Return the SQL, and whether to prepare it."""
    model, leading, is_backwards = shape.model, _leading_filter(shape), shape.sort.startswith("-")
    conditions = [condition(model, item) for item in shape.filters]
    conditions += [indexed_condition(model, item) for item in shape.filters if item.indexed]
    conditions += [*ownership(shape.owner_filter), *archive_condition(model, shape.is_archived)]
    if shape.fields is None:
        return compiled(select(func.count()).select_from(model).where(*conditions)), False
    # The rows of one client are few: its pages are no search.
    is_by_key = shape.sort.removeprefix("-") == "id_key" and not ownership(shape.owner_filter)
    if is_by_key and (found := search_of(model, shape.filters, shape.sort, shape.is_archived, is_after=shape.is_after)):
        return compiled(search_page(found, shape.fields)), found.is_prepared
    if leading:
        values = as_range(model, leading, is_after=shape.is_after, is_backwards=is_backwards)
        conditions = [values, *archive_condition(model, shape.is_archived)]
    elif shape.is_after:
        conditions.append(after_key(model.id_key, is_backwards=is_backwards))
    rows = select(*columns_of(model, shape.fields)).where(*conditions)
    # Texts without letter case have a unique index.
    is_short = leading or not shape.filters or any(item.where.operator == "fold=" for item in shape.filters)
    if shape.first is not None and (is_short or all(item.value is not None for item in shape.filters)):
        page = rows.order_by(*ordering(model, shape.sort, leading)).limit(literal_column(f"{shape.first:d}"))
        return (ShortSql(compiled(page)) if is_short else compiled(page)), True
    source: Any = model
    if any(item.indexed for item in shape.filters):
        # OFFSET 0 hides the page from the planner. It would scan in order, as if matches came early.
        source = rows.offset(literal_column("0")).subquery(model.__tablename__).c
        rows = select(*source)
    page = rows.order_by(*ordering(source, shape.sort, leading)).offset(bindparam("skip")).limit(bindparam("limit"))
    return compiled(page), False


def _leading_filter(shape: Shape) -> Filter | None:
    """Return the filter if it is the only one, and an index has the rows of one value in the page's order.

    The page then orders by the filter's column first, so that only this index fits. Otherwise the planner may scan all
    rows in order, and finds no match for long: the newest orders are not delivered yet.
    """
    is_start, operators = shape.first or shape.is_after, [item.where.operator for item in shape.filters]
    if not is_start or operators != ["="] or shape.is_archived or shape.owner_filter:
        return None
    [item], order = shape.filters, shape.sort.removeprefix("-")
    columns = [item.where.column, order] if order != "id_key" else [item.where.column]
    return item if has_ordered_index(shape.model, *columns, is_live=shape.is_archived is False) else None


def ordering(source: Any, sort: str, leading: Filter | None) -> list[ColumnElement[Any]]:
    """Return the order. The primary key breaks ties in the same direction, so one index serves both directions."""
    first = [leading.where.column] if leading else []
    names = dict.fromkeys([*first, sort.removeprefix("-"), "id_key"])
    return [getattr(source, name).desc() if sort.startswith("-") else getattr(source, name).asc() for name in names]
