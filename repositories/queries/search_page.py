"""Pages of a search, in key order.

The planner assumes that matches lie evenly among the keys, and so scans in key order until the page is full. "Orders
since yesterday" all lie at the end: that scan reads most of the table. So the statement tries several strategies while
it runs. Each gives the whole page or NULL: a wrong choice costs time and never changes the rows.
"""

from math import isqrt
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, any_, bindparam, func, literal_column, or_, select

from repositories.queries.search import Column, Search
from repositories.statements.statement import columns_of
from schemas.base_schema import MAX_KEY

MAX_SCAN_ROWS = 20_000
_SCAN_ROWS = 666
"""The scan budget of a page of one match. Measured with tables of 100,000 to 1,000,000 rows."""
_ZERO: ColumnElement[Any] = literal_column("0")
_ONE: ColumnElement[Any] = literal_column("1")
_BUCKET_BITS: ColumnElement[Any] = literal_column("15")
"""A key bucket has 32,768 keys. The indexes of texts contain the expression `id_key >> 15`."""


def scan_parameters(end: int) -> dict[str, int]:
    """Return the bounds of a page that ends with the match number `end`.

    If a scan of W rows does not fill a page of n, less than about n / W of the table matches. Reading all matches then
    costs as much as the scan if W grows with the root of n. The scan continues after the first `glance` rows only if
    they contain more matches than the page's share. That share is larger for a range, because its index is faster.
    The cutoff of a range is the key at the place `last` of `sample` rows.
    """
    rows = min(_SCAN_ROWS * isqrt(end), MAX_SCAN_ROWS)
    glance = {"glance": rows // 6, "text_share": end // 6, "range_share": end // 5}
    cutoff = {"sample": min(max(rows // 20, 2 * end), MAX_SCAN_ROWS), "last": min(end - 1, MAX_SCAN_ROWS)}
    return {"scan_budget": rows, **glance, **cutoff, "end": min(end, MAX_KEY)}


def search_page(search: Search, fields: tuple[str, ...]) -> Select[Any]:
    """Return the statement. Its parameters are `skip`, `limit`, `after_id`, `scan_parameters` and the filters.

    COALESCE short-circuits, so a later strategy runs only when the earlier ones return NULL.
    """
    key = search.model.id_key
    if search.range is not None:
        cutoff = _range_cutoff(search, search.range)
        strategies = [_scan(search, func.abs(cutoff - search.begin()) < bindparam("scan_budget"))]
        matches = _matches(search, search.range, key >= cutoff if search.is_backwards else key <= cutoff)
    else:
        strategies, matches = [_scan(search)], _matches(search, key, *search.indexed)
        if search.indexed:
            strategies.append(_if_full(_page(search, _in_first_buckets(search))))
    keys = func.coalesce(*strategies, func.array(matches.scalar_subquery()))
    return select(*columns_of(search.model, fields)).where(key == any_(keys)).order_by(search.by(key))


def _scan(search: Search, *is_sure: ColumnElement[bool]) -> ColumnElement[Any]:
    """Look for the page in the first rows in key order.

    Where another index can find the matches, the scan goes beyond a glance only if it is sure to fill the page, or if
    the glance has its share of the page. Elsewhere it ends with the glance.
    """
    key, is_match = search.model.id_key, and_(*search.sought).label("is_match")
    rows = search.in_key_order(key, is_match)
    glance, scan = (rows.limit(bindparam(length)).subquery(length) for length in ("glance", "scan_budget"))
    if search.range is None and not search.indexed:
        return _if_full(_page(search, glance, glance.c.is_match))
    share = "text_share" if search.range is None else "range_share"
    is_promising = select(glance.c.id_key).where(glance.c.is_match).offset(bindparam(share)).exists()
    return _if_full(_page(search, scan, scan.c.is_match), or_(is_promising, *is_sure))


def _range_cutoff(search: Search, column: Column) -> ColumnElement[int]:
    """Return a key behind which the page needs no rows, or the last possible key when a sample does not fill the page.

    The tenth of a few rows, in key order, never comes before the tenth of all rows. So the first rows in the index of
    the range give a cutoff for the others. PostgreSQL compares a key within the index in a quarter of the time that
    fetching and sorting the row takes.
    """
    key, last_key = search.model.id_key, 0 if search.is_backwards else MAX_KEY
    rows = search.rows(key).where(*search.sought, *search.after(key)).order_by(search.by(column))
    sample = rows.limit(bindparam("sample")).subquery("sample")
    keys = select(sample.c.id_key).order_by(search.by(sample.c.id_key)).offset(bindparam("last")).limit(_ONE)
    cutoff = func.coalesce(keys.scalar_subquery(), literal_column(f"{last_key:d}"))
    return select(cutoff.label("key")).cte("cutoff").select().scalar_subquery()


def _in_first_buckets(search: Search) -> Subquery:
    """Find the matches in the key bucket where the page begins, and in the next one if the page may end there.

    The very first page has a whole bucket: if that has less than the page's share, two do not fill the page.
    """
    # One read for each: the planner takes several words for rare, and would not look for a list in the index.
    key, bucket = search.model.id_key, search.model.id_key.op(">>")(_BUCKET_BITS)
    begin = select(search.begin().op(">>")(_BUCKET_BITS).label("bucket")).cte("begin").select().scalar_subquery()
    rows = search.rows(key).where(*search.indexed, *search.sought, *search.after(key))
    first = rows.where(bucket == begin).cte("first_bucket")
    count = select(func.count()).select_from(first).scalar_subquery()
    is_promising = [] if search.is_after or search.is_backwards else [count > bindparam("text_share")]
    second = bucket == (begin - _ONE if search.is_backwards else begin + _ONE)
    more = rows.where(second, count < bindparam("end"), *is_promising)
    return first.select().union_all(more).subquery("bucket_matches")


def _matches(search: Search, order: Column, *found: ColumnElement[bool]) -> Select[Any]:
    """Find all matches, then cut out the page.

    OFFSET 0 hides the page from the planner, which would scan in key order for it. The order of a range leaves the
    planner the index of the range. Seeing both `after_id` and the cutoff, it would read all rows between these keys.
    """
    key = search.model.id_key
    after = search.after(key if search.range is None else key + _ZERO)
    rows = search.rows(key).where(*found, *search.sought, *after).order_by(search.by(order))
    return _page(search, rows.offset(_ZERO).subquery("matches"))


def _page(search: Search, rows: Subquery, *conditions: ColumnElement[bool]) -> Select[Any]:
    ordered = select(rows.c.id_key).where(*conditions).order_by(*search.order(rows))
    return ordered.offset(bindparam("skip")).limit(bindparam("limit"))


def _if_full(page: Select[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return the keys of the page, or NULL when it is not full."""
    keys = select(func.array_agg(page.subquery("page").c.id_key)).where(*conditions)
    return keys.having(func.count() == bindparam("limit")).scalar_subquery()
