"""Where a page of a search begins: an index of trigrams knows in which stretch of keys each of its rows lies.

So it can be asked for the matches of the first keys only, where a walk along as many would take long, and so would all
matches.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_, select

from repositories.queries.search import Column, Search

BITS = 15
"""A stretch is as many keys as these make. The indexes have it as well."""
_AT_ONCE = 2
"""Stretches; the page may begin at the end of the first one."""


class KeyBuckets:
    def __init__(self, search: Search) -> None:
        self._search = search
        self._first = select(self._of(search.begin).label("number")).cte("stretch")

    @property
    def trigrams(self) -> ColumnElement[bool]:
        """What the index finds there of a search: a look into it for each stretch."""
        step, first = "-" if self._search.is_backwards else "+", self._first.select().scalar_subquery()
        numbers = [first.op(step)(literal_column(f"{n:d}")) for n in range(_AT_ONCE)]
        stretches = [self._of(self._search.model.id_key) == number for number in numbers]
        return or_(*(and_(stretch, *self._search.trigrams) for stretch in stretches))

    @staticmethod
    def _of(key: Column) -> ColumnElement[Any]:
        return key.op(">>")(literal_column(f"{BITS:d}"))
