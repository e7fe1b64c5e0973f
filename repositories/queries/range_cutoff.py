"""How far along the keys a page of a range reaches at the most, told by the beginning of the range.

The tenth of some rows of a range, in the order of keys, does not come before the tenth of all of them. So the first
rows that the index of the range has to show tell a key behind which nothing is needed of the rest. PostgreSQL compares
that within the index, in a quarter of the time that it takes to hand a row on and sort it.
"""

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, literal_column, select

from repositories.queries.search import Column, Search
from schemas.base_schema import MAX_INTEGER


class RangeCutoff:
    def __init__(self, search: Search, column: Column) -> None:
        self._search, self._key = search, search.model.id_key
        rows = select(self._key).where(*search.walked, *search.sought, *search.after)
        first = rows.order_by(search.by(column)).limit(bindparam("sample")).subquery("first")
        last = select(first.c.id_key).order_by(search.by(first.c.id_key)).offset(bindparam("last"))
        self._reach = last.limit(literal_column("1")).cte("reach")

    @property
    def is_within(self) -> ColumnElement[bool]:
        """True of every key when the beginning of the range does not fill the page."""
        if self._search.is_backwards:
            return self._key >= func.coalesce(self._last_key, literal_column("0"))
        return self._key <= func.coalesce(self._last_key, literal_column(f"{MAX_INTEGER:d}"))

    @property
    def is_near(self) -> ColumnElement[bool]:
        """Whether the walk is sure to fill the page: it meets no more rows than keys are apart."""
        begin, last = self._search.begin, self._last_key
        return (begin - last if self._search.is_backwards else last - begin) < bindparam("walk")

    @property
    def _last_key(self) -> ScalarSelect[int]:
        return self._reach.select().scalar_subquery()
