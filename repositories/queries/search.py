"""Ranges and text searches whose page in key order no index has."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, SQLColumnExpression, Subquery, bindparam, cast, func, select

from models.base_model import BaseModel
from repositories.queries.filters import Filter, after_key, archive_condition, as_range, condition, indexed_condition

Conditions = Sequence[ColumnElement[bool]]
Column = SQLColumnExpression[Any]


class Search(NamedTuple):
    model: type[BaseModel]
    leading: Conditions
    """Equality filters. For each of them an index has the rows of one value in key order."""
    archive: Conditions
    """The condition that rows are archived, or are not. Indexes of both have them in key order."""
    sought: Conditions
    """All other filters."""
    indexed: Conditions
    """What an index of texts finds: the matches of `sought`, and a few rows more."""
    range: Column | None
    """The column of the ranges, when an index has the rows of `leading` in its order."""
    is_prepared: bool
    """Only one index serves each strategy, whatever the parameters."""
    is_after: bool
    is_backwards: bool
    fixed: Filter | None
    """The only equality filter, if its value is a part of the SQL."""

    def begin(self) -> ColumnElement[int]:
        """Return the first key, or the key before it. A reader starts with an `after_id` beyond all keys."""
        end, later = (func.max, func.least) if self.is_backwards else (func.min, func.greatest)
        first = select(end(self.model.id_key)).scalar_subquery()
        return later(cast(bindparam("after_id"), BigInteger), first) if self.is_after else first

    def rows(self, *columns: Any) -> Select[Any]:
        return select(*columns).where(*self.leading, *self.archive)

    def after(self, key: Column) -> Conditions:
        return [after_key(key, is_backwards=self.is_backwards)] if self.is_after else []

    def in_key_order(self, *columns: Any) -> Select[Any]:
        """Return the rows of the page and those behind it. A fixed value leaves the planner only the index of its rows.

        Left to choose, the planner scans the rows of all values, although the newest orders are not delivered yet.
        """
        key = self.model.id_key
        if self.fixed is None:
            return self.rows(*columns).where(*self.after(key)).order_by(self.by(key))
        value = getattr(self.model, self.fixed.where.column)
        rows = as_range(self.model, self.fixed, is_after=self.is_after, is_backwards=self.is_backwards)
        return select(*columns, value).where(rows, *self.archive).order_by(self.by(value), self.by(key))

    def order(self, rows: Subquery) -> list[ColumnElement[Any]]:
        """Return the order of `in_key_order` for a subquery of it, or the order of keys for another one."""
        names = [self.fixed.where.column, "id_key"] if self.fixed else ["id_key"]
        return [self.by(rows.c[name]) for name in names if name in rows.c]

    def by(self, column: Column) -> ColumnElement[Any]:
        return column.desc() if self.is_backwards else column.asc()


def search_of(
    model: type[BaseModel], filters: Sequence[Filter], sort: str, is_archived: bool | None, *, is_after: bool
) -> Search | None:
    """Return the search of a page in key order, or None where a plain statement is as fast or faster.

    That is so for a text within a category, with which its index of texts begins. It is also so for a range within a
    category or of products in stock: the planner knows how many rows they have.
    """
    leading = [item for item in filters if item.where.operator == "=" and has_ordered_index(model, item.where.column)]
    sought = [item for item in filters if item not in leading]
    texts = [item for item in sought if item.indexed]
    ranges = [item for item in sought if item.where.operator in (">=", "<=")]
    names = {item.where.column for item in ranges}
    columns = [item.where.column for item in leading]
    is_indexed = not texts and has_ordered_index(model, *columns, *names, is_live=is_archived is False)
    is_known = is_indexed and any(item.value is None for item in leading)
    if leading if texts else is_known or len(names) != 1 or any(item.value is not None for item in sought):
        return None
    return Search(
        model,
        [condition(model, item) for item in leading],
        archive_condition(model, is_archived),
        [condition(model, item) for item in sought],
        [indexed_condition(model, item) for item in texts],
        getattr(model, *names) if is_indexed else None,
        len(sought) == len(ranges if is_indexed else texts),
        is_after,
        sort.startswith("-"),
        leading[0] if len(leading) == 1 and leading[0].value is not None else None,
    )


def has_ordered_index(model: type[BaseModel], *columns: str, is_live: bool = False) -> bool:
    """Return whether an index has the rows in the order of `columns`, then of keys.

    `is_live` admits indexes without archived rows.
    """
    return any(
        index.columns.keys() == [*columns, "id_key"]
        and (is_live or index.dialect_options["postgresql"]["where"] is None)
        for index in model.metadata.tables[model.__tablename__].indexes
    )
