"""How far to go along the keys for the rows of a range or a search, before an index is asked for all of them."""

from collections.abc import Iterable
from math import isqrt
from typing import NamedTuple

from schemas.list_query import Operator, Where

MOST = 20_000
"""Rows."""


class Walk(NamedTuple):
    """How many rows are walked along for a page that ends with the first match.

    A walk of W rows that leaves a page of n unfilled tells that an index has about n / W of the table to show: both
    cost the same where W grows as the root of n. The figures are for a table of some 100,000 to 1,000,000 rows.
    """

    unit: int
    parts: int
    """On the first of so many parts it is found out whether to go on."""

    def parameters(self, end: int) -> dict[str, int]:
        """Those of the statement, for a page that ends with the match number `end`.

        `glance` is the first part of the walk, which has to meet more than `met` matches, its share of the page;
        `sample` is how many rows of a range tell where the page ends, and `last` the place of its last one among them.
        """
        length = min(self.unit * isqrt(end), MOST)
        sample = min(max(length // 20, 2 * end), MOST)
        return {
            "walk": length,
            "glance": length // self.parts,
            "met": end // self.parts,
            "sample": sample,
            "last": min(end - 1, MOST),
        }


WALKS: dict[Operator, Walk] = {">=": Walk(500, 5), "<=": Walk(500, 5), "contains": Walk(1000, 3)}
"""For which operators it is worth it. To ask the index of a text in vain costs more than that of a range, so it is put
off for longer.
"""


def walk_for(sought: Iterable[Where], *, is_within: bool) -> Walk:
    """Half as far where two columns of each row have to be looked at; a third of it along the rows of one value,
    which lie apart.
    """
    walks = [(WALKS[where.operator], len(where.columns)) for where in sought if where.operator in WALKS]
    unit, parts = max((walk.unit // columns, walk.parts) for walk, columns in walks)
    return Walk(unit // 3 if is_within else unit, parts)
