"""Pages, in the order of keys, of rows that a range or a part of a text picks.

The planner takes for granted that such rows lie evenly among the keys. Where they do, a walk along the keys soon fills
a page. Where they do not ("orders since yesterday" are all at the end), it reads most of the table, while the index of
what is sought has few rows to show. So PostgreSQL decides while it runs, by what it meets on the first part of the
way. Each of the two gives the whole page; which one is taken does not hang on statistics.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from repositories.queries.key_buckets import KeyBuckets
from repositories.queries.range_cutoff import RangeCutoff
from repositories.queries.search import Column, Conditions, Search


class SearchedPage:
    """Parameters of its statement: those of the walk, `skip`, `limit`, and those of the filters."""

    def __init__(self, search: Search) -> None:
        self.search, self.key = search, search.model.id_key
        self.reach = None if search.range is None else RangeCutoff(search, search.range)

    def select(self, fields: Iterable[str]) -> Select[Any]:
        """PostgreSQL evaluates of a COALESCE no more than it needs."""
        columns = (getattr(self.search.model, name) for name in fields)
        ways = [self._walked(), *self._from_stretch(), self._all()]
        return select(*columns).where(self.key == any_(func.coalesce(*ways))).order_by(self.search.by(self.key))

    def _walked(self) -> ScalarSelect[Any]:
        """The page when the walk fills it, else NULL."""
        near = self._near("walk")
        page = self._cut(select(near.c.id_key).where(near.c.is_match), near.c.id_key)
        return self._if_full(page, *self._is_promising())

    def _from_stretch(self) -> list[ScalarSelect[Any]]:
        """The page when the first matches that an index of trigrams has fill it, else NULL."""
        if not self.search.trigrams or self.search.walked:
            return []
        return [self._if_full(self._sorted(self.key, KeyBuckets(self.search).trigrams))]

    def _is_promising(self) -> Conditions:
        """Where an index knows what is sought, the first part of the way has to meet as much of it as fills the page
        in the end.
        """
        glance = self._near("glance")
        on_course = select(glance.c.id_key).where(glance.c.is_match).offset(bindparam("met")).exists()
        if self.reach:
            return [or_(on_course, self.reach.is_near)]
        return [on_course] if self.search.trigrams else []

    def _near(self, length: str) -> Subquery:
        """The first rows along the keys, and which of them are matches."""
        rows = self._rows(self.key, and_(*self.search.sought).label("is_match"))
        return rows.order_by(self.search.by(self.key)).limit(bindparam(length)).subquery(length)

    def _all(self) -> ColumnElement[Any]:
        """Of every match; of a range, of as many as the page may reach."""
        order = self.key if self.search.range is None else self.search.range
        page = self._sorted(order, *self.search.trigrams, *([self.reach.is_within] if self.reach else ()))
        return func.array(page.scalar_subquery(), type_=ARRAY(Integer))

    def _sorted(self, order: Column, *found: ColumnElement[bool]) -> Select[Any]:
        """OFFSET 0 hides from the planner that only a page is wanted, so it does not hope for early matches; and the
        order of a range leaves it but the index of the range.
        """
        rows = self._rows(self.key).where(*found, *self.search.sought)
        every = rows.order_by(self.search.by(order)).offset(literal_column("0")).subquery("every")
        return self._cut(select(every.c.id_key), every.c.id_key)

    def _rows(self, *columns: ColumnElement[Any] | Column) -> Select[Any]:
        return select(*columns).where(*self.search.walked, *self.search.after)

    def _cut(self, rows: Select[Any], key: Column) -> Select[Any]:
        return rows.order_by(self.search.by(key)).offset(bindparam("skip")).limit(bindparam("limit"))

    @staticmethod
    def _if_full(page: Select[Any], *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
        keys = page.subquery("page")
        is_full = func.count() == bindparam("limit")
        return select(func.array_agg(keys.c.id_key)).where(*conditions).having(is_full).scalar_subquery()
