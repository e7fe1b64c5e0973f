"""How far to go along the keys for the rows of a range or a search, before an index is asked for all of them."""

from collections.abc import Iterable
from math import isqrt

from schemas.list_query import Operator, Where

WALK: dict[Operator, int] = {">=": 500, "<=": 500, "contains": 1000}
"""Which operators are sought for, and how many rows are walked along for a page that ends with the first match.

A walk of W rows that leaves a page of n unfilled tells that an index has about n / W of the table to show: both cost
the same where W grows as the root of n. The figures are for a table of some 100,000 to 1,000,000 rows.
"""
MOST = 20_000
"""Rows."""


def walk_unit(sought: Iterable[Where], *, is_within: bool) -> int:
    """Half as far where two columns of each row have to be looked at; a third of it along the rows of one value,
    which lie apart.
    """
    unit = max(WALK.get(where.operator, 0) // len(where.columns) for where in sought)
    return unit // 3 if is_within else unit


def walk_parameters(unit: int, end: int) -> dict[str, int]:
    """Those of the statement, for a page that ends with the match number `end`. `glance` is the first third."""
    length = min(unit * isqrt(end), MOST)
    return {"walk": length, "glance": length // 3}
