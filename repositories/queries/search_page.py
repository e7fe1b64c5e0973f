"""Pages of a search, in key order.

The planner assumes that matches lie evenly among the keys, and so scans in key order until the page is full. "Orders
since yesterday" all lie at the end: that scan reads most of the table. So the statement tries several strategies while
it runs. Each gives the whole page or NULL: a wrong choice costs time and never changes the rows.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, Select, and_, any_, bindparam, func, literal_column, or_, select

from repositories.queries.search import Column, Search
from schemas.base_schema import MAX_INTEGER

KEY_BUCKET_BITS = 15
"""A key bucket has 32,768 keys. The trigram indexes contain the expression `id_key >> 15`."""


def search_page(search: Search, fields: Iterable[str]) -> Select[Any]:
    """Return the statement. Its parameters are `skip`, `limit`, `after_id`, `scan_parameters` and the filters.

    COALESCE short-circuits, so a later strategy runs only when the earlier ones return NULL.
    """
    key = search.model.id_key
    if search.range is not None:
        cutoff = _range_cutoff(search, search.range)
        is_near = func.abs(cutoff - search.begin()) < bindparam("scan_budget")
        strategies = [_scan(search, is_near)]
        matches = _matches(search, search.range, _is_before(search, cutoff))
    else:
        strategies = [_scan(search)]
        matches = _matches(search, key, *search.trigrams)
        if search.trigrams:
            strategies.append(_if_full(_matches(search, key, _is_in_first_buckets(search), *search.trigrams)))
    keys = func.coalesce(*strategies, func.array(matches.scalar_subquery(), type_=ARRAY(Integer)))
    columns = [getattr(search.model, name) for name in fields]
    return select(*columns).where(key == any_(keys)).order_by(search.by(key))


def _scan(search: Search, *is_sure: ColumnElement[bool]) -> ColumnElement[Any]:
    """Look for the page in the first rows in key order.

    Where another index can find the matches, the scan goes beyond a glance only if it is sure to fill the page, or if
    the glance has its share of the page. Elsewhere it ends with the glance.
    """
    key, is_match = search.model.id_key, and_(*search.sought).label("is_match")
    rows = search.rows(key, is_match).where(*search.after(key)).order_by(search.by(key))
    glance, scan = (rows.limit(bindparam(length)).subquery(length) for length in ("glance", "scan_budget"))
    if search.range is None and not search.trigrams:
        return _if_full(_cut(search, select(glance.c.id_key).where(glance.c.is_match), glance.c.id_key))
    is_promising = select(glance.c.id_key).where(glance.c.is_match).offset(bindparam("glance_matches")).exists()
    page = _cut(search, select(scan.c.id_key).where(scan.c.is_match), scan.c.id_key)
    return _if_full(page, or_(is_promising, *is_sure))


def _range_cutoff(search: Search, column: Column) -> ColumnElement[int]:
    """Return a key behind which the page needs no rows, or NULL when a sample does not fill the page.

    The tenth of a few rows, in key order, never comes before the tenth of all rows. So the first rows in the index of
    the range give a cutoff for the others. PostgreSQL compares a key within the index in a quarter of the time that
    fetching and sorting the row takes.
    """
    key = search.model.id_key
    rows = search.rows(key).where(*search.sought, *search.after(key)).order_by(search.by(column))
    sample = rows.limit(bindparam("sample")).subquery("sample")
    last = select(sample.c.id_key).order_by(search.by(sample.c.id_key)).offset(bindparam("last"))
    return last.limit(literal_column("1")).cte("cutoff").select().scalar_subquery()


def _is_before(search: Search, cutoff: ColumnElement[int]) -> ColumnElement[bool]:
    key = search.model.id_key
    if search.is_backwards:
        return key >= func.coalesce(cutoff, literal_column("0"))
    return key <= func.coalesce(cutoff, literal_column(f"{MAX_INTEGER:d}"))


def _is_in_first_buckets(search: Search) -> ColumnElement[bool]:
    """Return a condition that is true of two key buckets, since the page may begin at the end of the first one."""
    begin = select(_bucket(search.begin()).label("bucket")).cte("begin")
    first = select(begin.c.bucket).scalar_subquery()
    second = first.op("-" if search.is_backwards else "+")(literal_column("1"))
    return _bucket(search.model.id_key).in_([first, second])


def _bucket(key: Any) -> ColumnElement[int]:
    return ColumnElement.op(key, ">>")(literal_column(f"{KEY_BUCKET_BITS:d}"))


def _matches(search: Search, order: Column, *found: ColumnElement[bool]) -> Select[Any]:
    """Find all matches, then cut out the page.

    OFFSET 0 hides the page from the planner, which would scan in key order for it. The order of a range leaves the
    planner the index of the range. Seeing both `after_id` and the cutoff, it would read all rows between these keys.
    """
    key = search.model.id_key
    after = search.after(key if search.range is None else key + literal_column("0"))
    rows = search.rows(key).where(*found, *search.sought, *after).order_by(search.by(order))
    matches = rows.offset(literal_column("0")).subquery("matches")
    return _cut(search, select(matches.c.id_key), matches.c.id_key)


def _cut(search: Search, rows: Select[Any], key: Column) -> Select[Any]:
    return rows.order_by(search.by(key)).offset(bindparam("skip")).limit(bindparam("limit"))


def _if_full(page: Select[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return the keys of the page, or NULL when it is not full."""
    keys = page.subquery("page")
    is_full = func.count() == bindparam("limit")
    return select(func.array_agg(keys.c.id_key)).where(*conditions).having(is_full).scalar_subquery()
