"""How far to go along the keys for the rows of a range or a search, before an index is asked for all of them."""

from math import isqrt
from typing import NamedTuple

MOST = 20_000
"""Rows."""


class ScanBudget(NamedTuple):
    """How many rows are walked along for a page that ends with the first match.

    A walk of W rows that leaves a page of n unfilled tells that an index has about n / W of the table to show: both
    cost the same where W grows as the root of n. The figures are for a table of some 100,000 to 1,000,000 rows.
    """

    unit: int
    parts: int = 5

    def parameters(self, end: int) -> dict[str, int]:
        """Those of the statement, for a page that ends with the match number `end`.

        `glance` is the first of the walk's `parts`, which has to meet more than `met` matches, its share of the page;
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


ALONG_KEYS = ScanBudget(500)
FOR_A_TEXT = ScanBudget(666, parts=6)
"""What it does not meet costs more than a range would."""
WITHIN_A_VALUE = ScanBudget(166)
"""Its rows lie apart."""
