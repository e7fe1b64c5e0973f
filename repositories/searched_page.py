"""Pages, in the order of keys, of rows that a range or a part of a text picks.

The planner takes for granted that such rows lie evenly among the keys. Where they do, a walk along the keys soon fills
a page. Where they do not ("orders since yesterday" are all at the end), it reads most of the table, while the index of
what is sought has few rows to show. So PostgreSQL tries one way after the other, each for a bounded number of rows but
the last. Each way that ends gives the whole page; which one is taken does not hang on statistics.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
)

from models.base_model import BaseModel
from repositories.conditions import RANGES, condition, trigram_condition
from repositories.walk import walk_unit
from schemas.list_query import Where

Conditions = Sequence[ColumnElement[bool]]


def has_ordered_index(model: type[BaseModel], column: str) -> bool:
    """Whether rows with one value of the column can be walked along in the order of their keys."""
    return any(
        index.columns.keys() == [column, "id_key"] for index in model.metadata.tables[model.__tablename__].indexes
    )


@dataclass(frozen=True)
class Search:
    """What a page is made of. Parameters: those of the walk, `skip`, `limit`, and those of the conditions."""

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
            walk_unit(sought.values(), is_within=bool(walked)),
            is_after,
            is_backwards,
        )

    @property
    def is_prepared(self) -> bool:
        """Whether each way can be taken by one index only, whatever the parameters."""
        return not self.walked and (self.range is not None or len(self.trigrams) == len(self.sought))

    def page(self, fields: Iterable[str]) -> Select[Any]:
        """PostgreSQL evaluates of a COALESCE no more than it needs."""
        key, keys = self.model.id_key, func.coalesce(self._walked(), self._all())
        return select(*(getattr(self.model, name) for name in fields)).where(key == any_(keys)).order_by(self._by(key))

    def _walked(self) -> ScalarSelect[Any]:
        """The page when the walk fills it, else NULL. A text that the first third of the way does not meet is left to
        its index at once: it has little to show.
        """
        near, glance = self._near("walk"), self._near("glance")
        page = self._cut(select(near.c.id_key).where(near.c.is_match), near.c.id_key).subquery("page")
        is_promising = [select(glance.c.id_key).where(glance.c.is_match).exists()] if self.trigrams else []
        is_full = func.count() == bindparam("limit")
        return select(func.array_agg(page.c.id_key)).where(*is_promising).having(is_full).scalar_subquery()

    def _near(self, length: str) -> Subquery:
        """The first rows along the keys, and which of them are matches."""
        key = self.model.id_key
        rows = select(key, and_(*self.sought).label("is_match")).where(*self.walked, *self._after(key))
        return rows.order_by(self._by(key)).limit(bindparam(length)).subquery("near")

    def _all(self) -> ColumnElement[Any]:
        """Every match, sorted. OFFSET 0 hides from the planner that only a page is wanted, so it does not hope for
        early matches; and the order of a range leaves it but the index of the range.
        """
        key = self.model.id_key
        rows = select(key).where(*self.walked, *self.trigrams, *self.sought, *self._after(key))
        rows = rows.order_by(self._by(key) if self.range is None else getattr(self.model, self.range))
        every = rows.offset(literal_column("0")).subquery("every")
        page = self._cut(select(every.c.id_key), every.c.id_key)
        return func.array(page.scalar_subquery(), type_=ARRAY(Integer))

    def _after(self, key: SQLColumnExpression[Any]) -> Conditions:
        return [key > bindparam("after_id")] if self.is_after else []

    def _by(self, key: SQLColumnExpression[Any]) -> ColumnElement[Any]:
        return key.desc() if self.is_backwards else key.asc()

    def _cut(self, rows: Select[Any], key: SQLColumnExpression[Any]) -> Select[Any]:
        return rows.order_by(self._by(key)).offset(bindparam("skip")).limit(bindparam("limit"))


def _is_walked(model: type[BaseModel], where: Where) -> bool:
    return where.operator == "=" and all(has_ordered_index(model, column) for column in where.columns)
