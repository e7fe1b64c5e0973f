"""Pages, in the order of keys, of rows that a range or a part of a text picks.

The planner takes for granted that such rows lie evenly among the keys. Where they do, a walk along the keys soon fills
a page. Where they do not ("orders since yesterday" are all at the end), it reads most of the table, while the index of
what is sought has few rows to show. So PostgreSQL walks for a bounded number of rows, and goes by such an index when
that has not filled the page. Either way gives the whole page; which one is taken does not hang on statistics.
"""

from collections.abc import Iterable
from math import isqrt
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from models.base_model import BaseModel
from schemas.list_query import Operator, Where

WALK: dict[Operator, int] = {">=": 300, "<=": 300, "contains": 500}
"""Which operators are sought for, and how far the walk goes, in units of the square root of the page's end.

A walk of W rows that leaves a page of n unfilled tells that an index has about n / W of the table to show: both cost
the same where W grows as the root of n. The figures are for a table of some 100,000 to 1,000,000 rows; a match costs
trigrams more than it costs a range.
"""
WALK_MOST = 20_000

Conditions = Iterable[ColumnElement[bool]]


def walk_length(conditions: Iterable[Where], end: int) -> int:
    """How many rows to walk along at the most, for a page that ends with the match number `end`; half as many where
    two columns of each have to be looked at.
    """
    lengths = (WALK.get(where.operator, 0) // len(where.columns) for where in conditions)
    return min(max(lengths, default=0) * isqrt(end), WALK_MOST)


def has_ordered_index(model: type[BaseModel], column: str) -> bool:
    """Whether rows with one value of the column can be walked along in the order of their keys."""
    return any(
        index.columns.keys() == [column, "id_key"] for index in model.metadata.tables[model.__tablename__].indexes
    )


def searched_page(
    model: type[BaseModel], fields: Iterable[str], walked: Conditions, sought: Conditions, *, backwards: bool
) -> Select[Any]:
    """One page of `fields`; the walk is along rows that are `walked`. Parameters: `walk`, `skip` and `limit`."""
    walked, is_match = list(walked), and_(*sought)
    key = model.id_key

    def ordered(column: SQLColumnExpression[Any]) -> ColumnElement[Any]:
        return column.desc() if backwards else column.asc()

    def page_of(statement: Select[Any]) -> Select[Any]:
        return statement.offset(bindparam("skip")).limit(bindparam("limit"))

    rows = select(key, is_match.label("is_match")).where(*walked).order_by(ordered(key))
    near = rows.limit(bindparam("walk")).subquery("near")
    found = page_of(select(near.c.id_key).where(near.c.is_match).order_by(ordered(near.c.id_key)))
    page = found.cte("page").prefix_with("MATERIALIZED", dialect="postgresql")
    is_full = select(func.count()).select_from(page).scalar_subquery() == bindparam("limit")
    # OFFSET 0 hides from the planner that only a page is wanted. So it does not hope for early matches: it takes an
    # index of what is sought, or walks on when most rows are matches, and then those that are not are soon passed.
    every = select(key).where(*walked, is_match).order_by(ordered(key)).offset(literal_column("0")).subquery("every")
    far = page_of(select(every.c.id_key).order_by(ordered(every.c.id_key)))
    # PostgreSQL runs only the branch of a CASE that it comes to.
    keys = case((is_full, _array(select(page.c.id_key))), else_=_array(far))
    return select(*(getattr(model, name) for name in fields)).where(key == any_(keys)).order_by(ordered(key))


def _array(statement: Select[Any]) -> ColumnElement[Any]:
    return func.array(statement.scalar_subquery(), type_=ARRAY(Integer))
