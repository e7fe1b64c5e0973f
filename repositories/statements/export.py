"""Exports: all rows that pass a list's filters, read through a cursor. The database formats the lines of CSV."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, DateTime, String, Text, case, cast, func, literal_column, select

from models.base_model import BaseModel
from repositories.queries.filters import Filter, archive_condition, condition, indexed_condition
from repositories.queries.list_query import ordering
from repositories.statements.statement import Statement, columns_of, compiled
from schemas.list_query import ListQuery

LINE_END = "\r\n"  # RFC 4180
CURSOR = "exported"


def _constant(text: str) -> ColumnElement[str]:
    """Return a text as a part of the SQL."""
    escaped = text.replace("'", "''")
    return literal_column(f"'{escaped}'", String)


_QUOTE, _TWO_QUOTES, _APOSTROPHE, _COMMA = map(_constant, ('"', '""', "'", ","))
_NEEDS_QUOTES = _constant(r'[",\r\n]')
_FORMULA = _constant("^'*[=+@-]")
_MOMENT = _constant('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
_END = literal_column(rf"E'{LINE_END.encode('unicode_escape').decode()}'", String)


def export_statement(model: type[BaseModel], query: ListQuery, fields: tuple[str, ...], *, as_csv: bool) -> Statement:
    """Return the statement that opens the cursor: over lines of CSV, or over rows with `fields`.

    Unlike a list, it contains archived rows, unless the query excludes them.
    """
    values = query.filters()
    filters = tuple(Filter.of(name, query.where(name), value) for name, value in values.items())
    parameters: dict[str, Any] = {}
    for item in filters:
        parameters |= item.parameters(values[item.name])
    is_archived: bool | None = getattr(query, "archived", None)
    return Statement(_export_sql(model, fields, filters, query.sort, is_archived, as_csv), parameters)


def fetch_statement(rows: int) -> Statement:
    """Return the statement that reads the next rows of the cursor."""
    return Statement(f"FETCH {rows:d} FROM {CURSOR}", {})


@lru_cache(maxsize=256)
def _export_sql(
    model: type[BaseModel],
    fields: tuple[str, ...],
    filters: tuple[Filter, ...],
    sort: str,
    is_archived: bool | None,
    as_csv: bool,
) -> str:
    columns: list[Any] = list(columns_of(model, fields))
    conditions = [condition(model, item) for item in filters]
    conditions += [indexed_condition(model, item) for item in filters if item.indexed]
    conditions += archive_condition(model, is_archived)
    rows = select(*([_csv_line(columns)] if as_csv else columns)).where(*conditions)
    return f"DECLARE {CURSOR} NO SCROLL CURSOR FOR {compiled(rows.order_by(*ordering(model, sort, None)))}"


def _csv_line(columns: list[ColumnElement[Any]]) -> ColumnElement[str]:
    """Return the expression of one line. `concat` shows NULL as an empty cell."""
    cells = [part for column in columns for part in (_COMMA, _csv_cell(column))]
    return func.concat(*cells[1:], _END)


def _csv_cell(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the expression of one cell: numbers exact, times as in JSON, texts without a meaning for spreadsheets."""
    if isinstance(column.type, DateTime):
        text = func.to_char(func.timezone(_constant("UTC"), column), _MOMENT)
        return func.replace(text, _constant(".000000Z"), _constant("Z"))
    if not isinstance(column.type, String):
        return cast(column, Text)
    inert = case((column.op("~")(_FORMULA), func.concat(_APOSTROPHE, column)), else_=column)
    quoted = func.concat(_QUOTE, func.replace(inert, _QUOTE, _TWO_QUOTES), _QUOTE)
    return case((column.op("~")(_NEEDS_QUOTES), quoted), else_=inert)
