"""The scan budget: how many rows a page may scan in key order before the statement asks another index."""

from math import isqrt

MAX_ROWS = 20_000
_ROWS = 666
"""For a page of one match. Measured with tables of 100,000 to 1,000,000 rows."""
_PARTS = 6


def scan_parameters(end: int) -> dict[str, int]:
    """Return the bounds of a page that ends with the match number `end`.

    A scan of W rows that does not fill a page of n tells that about n / W of the table match. Reading those matches
    costs as much as the scan where W grows as the root of n. The scan goes on after the first `glance` rows only if
    these have more than `glance_matches`. The cutoff of a range is the key at the place `last` of `sample` rows.
    """
    rows = min(_ROWS * isqrt(end), MAX_ROWS)
    sample = min(max(rows // 20, 2 * end), MAX_ROWS)
    glance = {"glance": rows // _PARTS, "glance_matches": end // _PARTS}
    return {"scan_budget": rows, **glance, "sample": sample, "last": min(end - 1, MAX_ROWS)}
