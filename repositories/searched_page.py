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

from repositories.reach import Reach
from repositories.search import Column, Conditions, Search


class SearchedPage:
    """Parameters of its statement: those of the walk, `skip`, `limit`, and those of the filters."""

    def __init__(self, search: Search) -> None:
        self.search, self.key = search, search.model.id_key
        self.reach = None if search.range is None else Reach(search, search.range)

    def select(self, fields: Iterable[str]) -> Select[Any]:
        """PostgreSQL evaluates of a COALESCE no more than it needs."""
        columns = (getattr(self.search.model, name) for name in fields)
        is_in_page = self.key == any_(func.coalesce(self._walked(), self._all()))
        return select(*columns).where(is_in_page).order_by(self.search.by(self.key))

    def _walked(self) -> ScalarSelect[Any]:
        """The page when the walk fills it, else NULL."""
        near = self._near("walk")
        page = self._cut(select(near.c.id_key).where(near.c.is_match), near.c.id_key).subquery("page")
        is_full = func.count() == bindparam("limit")
        walked = select(func.array_agg(page.c.id_key)).where(*self._is_promising()).having(is_full)
        return walked.scalar_subquery()

    def _is_promising(self) -> Conditions:
        """Where an index knows what is sought, the first part of the way has to meet some of it: of a range as much as
        fills the page in the end, of a text anything, since its index takes longer for each match.
        """
        glance = self._near("glance")
        met = select(glance.c.id_key).where(glance.c.is_match)
        if self.reach:
            return [or_(met.offset(bindparam("met")).exists(), self.reach.is_near)]
        return [met.exists()] if self.search.trigrams else []

    def _near(self, length: str) -> Subquery:
        """The first rows along the keys, and which of them are matches."""
        rows = self._rows(self.key, and_(*self.search.sought).label("is_match"))
        return rows.order_by(self.search.by(self.key)).limit(bindparam(length)).subquery(length)

    def _all(self) -> ColumnElement[Any]:
        """Every match, sorted; of a range, as far as the page may reach.

        OFFSET 0 hides from the planner that only a page is wanted, so it does not hope for early matches; and the order
        of a range leaves it but the index of the range.
        """
        search, reach = self.search, self.reach
        rows = self._rows(self.key).where(*search.trigrams, *search.sought, *([reach.is_within] if reach else ()))
        order = self.key if search.range is None else search.range
        every = rows.order_by(search.by(order)).offset(literal_column("0")).subquery("every")
        page = self._cut(select(every.c.id_key), every.c.id_key)
        return func.array(page.scalar_subquery(), type_=ARRAY(Integer))

    def _rows(self, *columns: ColumnElement[Any] | Column) -> Select[Any]:
        return select(*columns).where(*self.search.walked, *self.search.after)

    def _cut(self, rows: Select[Any], key: Column) -> Select[Any]:
        return rows.order_by(self.search.by(key)).offset(bindparam("skip")).limit(bindparam("limit"))
