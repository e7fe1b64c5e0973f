"""Pages, in the order of keys, of rows that a range or a part of a text picks.

The planner takes for granted that such rows lie evenly among the keys. Where they do, a walk along the keys soon fills
a page. Where they do not ("orders since yesterday" are all at the end), it reads most of the table, while the index of
what is sought has few rows to show. So PostgreSQL tries one way after the other, each for a bounded number of rows but
the last. Each way that ends gives the whole page; which one is taken does not hang on statistics.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    any_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    select,
    true,
)

from models.base_model import BaseModel
from repositories.conditions import RANGES, condition, trigram_condition
from schemas.list_query import Operator, Where

FEW = 2_000
"""A range of fewer rows than this is read from its index at once. To find out takes 0.1 ms, however large the table."""
WALK: dict[Operator, int] = {">=": 600, "<=": 600, "contains": 1000}
"""Which operators are sought for, and how far the walk goes, in units of the square root of the page's end.

A walk of W rows that leaves a page of n unfilled tells that an index has about n / W of the table to show: both cost
the same where W grows as the root of n. The figures are for a table of some 100,000 to 1,000,000 rows.
"""
WALK_MOST = 20_000

Conditions = Sequence[ColumnElement[bool]]


def walk_length(unit: int, end: int) -> int:
    """How many rows to walk along at the most, for a page that ends with the match number `end`."""
    return min(unit * isqrt(end), WALK_MOST)


def has_ordered_index(model: type[BaseModel], column: str) -> bool:
    """Whether rows with one value of the column can be walked along in the order of their keys."""
    return any(
        index.columns.keys() == [column, "id_key"] for index in model.metadata.tables[model.__tablename__].indexes
    )


@dataclass(frozen=True)
class Search:
    """What a page is made of. Parameters: `walk`, `skip`, `limit`, and those of the conditions."""

    model: type[BaseModel]
    walked: Conditions
    """Rows that can be walked along in the order of keys: the walk is along these."""
    sought: Conditions
    trigrams: Conditions
    """What an index finds of `sought`, where it finds more than that."""
    range: str | None
    """The column that all conditions are about, where an index has it in order."""
    walk_unit: int
    is_after: bool
    """Whether the page begins after the key `after_id`."""
    is_backwards: bool

    @classmethod
    def of(
        cls,
        model: type[BaseModel],
        filters: Mapping[str, Where],
        with_trigrams: Collection[str],
        *,
        is_after: bool,
        is_backwards: bool,
    ) -> "Search":
        walked = [name for name, where in filters.items() if _is_walked(model, where)]
        sought = {name: where for name, where in filters.items() if name not in walked}
        columns = {column for where in sought.values() for column in where.columns}
        is_range = not walked and len(columns) == 1 and all(where.operator in RANGES for where in sought.values())
        return cls(
            model,
            [condition(model, filters[name], name) for name in walked],
            [condition(model, where, name) for name, where in sought.items()],
            [trigram_condition(model, filters[name], name) for name in with_trigrams],
            next((column for column in columns if is_range and has_ordered_index(model, column)), None),
            _walk_unit(sought.values(), is_within=bool(walked)),
            is_after,
            is_backwards,
        )

    @property
    def is_prepared(self) -> bool:
        """Whether each way can be taken by one index only, whatever the parameters."""
        return not self.walked and (self.range is not None or len(self.trigrams) == len(self.sought))

    def page(self, fields: Iterable[str]) -> Select[Any]:
        """PostgreSQL evaluates of a CASE only what it comes to."""
        near = self._near(bindparam("walk"))
        found = self._cut(select(near.c.id_key).where(near.c.is_match), near.c.id_key)
        page = found.cte("page").prefix_with("MATERIALIZED", dialect="postgresql")
        is_full = _count(page) == bindparam("limit")
        helps = case((self._is_worth_walking(), is_full), else_=false())
        key, keys = self.model.id_key, case((helps, _array(select(page.c.id_key))), else_=self._all())
        return select(*(getattr(self.model, name) for name in fields)).where(key == any_(keys)).order_by(self._by(key))

    def _near(self, length: ColumnElement[int]) -> Subquery:
        """The first rows along the keys, and which of them are matches."""
        key = self.model.id_key
        rows = select(key, and_(*self.sought).label("is_match")).where(*self.walked, *self._after(key))
        return rows.order_by(self._by(key)).limit(length).subquery("near")

    def _is_worth_walking(self) -> ColumnElement[bool]:
        """Not for a range of few rows, nor for a text that the first quarter of the way does not meet: an index has
        little to show of them.
        """
        if self.range is not None:
            rows = select(self.model.id_key).where(*self.sought).order_by(getattr(self.model, self.range))
            return _count(rows.limit(literal_column(f"{FEW:d}")).subquery()) == literal_column(f"{FEW:d}")
        if self.trigrams:
            glance = self._near(bindparam("walk", type_=Integer) // literal_column("4", Integer))
            return select(glance.c.id_key).where(glance.c.is_match).exists()
        return true()

    def _all(self) -> ColumnElement[Any]:
        """Every match, sorted. OFFSET 0 hides from the planner that only a page is wanted, so it does not hope for
        early matches; and the order of a range leaves it but the index of the range.
        """
        key = self.model.id_key
        rows = select(key).where(*self.walked, *self.trigrams, *self.sought, *self._after(key))
        rows = rows.order_by(self._by(key) if self.range is None else getattr(self.model, self.range))
        every = rows.offset(literal_column("0")).subquery("every")
        return _array(self._cut(select(every.c.id_key), every.c.id_key))

    def _after(self, key: SQLColumnExpression[Any]) -> Conditions:
        return [key > bindparam("after_id")] if self.is_after else []

    def _by(self, key: SQLColumnExpression[Any]) -> ColumnElement[Any]:
        return key.desc() if self.is_backwards else key.asc()

    def _cut(self, rows: Select[Any], key: SQLColumnExpression[Any]) -> Select[Any]:
        return rows.order_by(self._by(key)).offset(bindparam("skip")).limit(bindparam("limit"))


def _is_walked(model: type[BaseModel], where: Where) -> bool:
    return where.operator == "=" and all(has_ordered_index(model, column) for column in where.columns)


def _walk_unit(sought: Iterable[Where], *, is_within: bool) -> int:
    """Half as far where two columns of each row have to be looked at; a third of it along the rows of one value,
    which lie apart.
    """
    unit = max(WALK.get(where.operator, 0) // len(where.columns) for where in sought)
    return unit // 3 if is_within else unit


def _count(rows: FromClause) -> ColumnElement[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def _array(statement: Select[Any]) -> ColumnElement[Any]:
    return func.array(statement.scalar_subquery(), type_=ARRAY(Integer))
