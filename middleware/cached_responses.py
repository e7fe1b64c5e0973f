"""Cached responses to requests that have not reached the router: their cache entries, and the headers of hits."""

import re
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl

from middleware.etags import etag_for_coding
from middleware.raw_response import STATUS_LINE_200, Headers, head_of, json_headers
from middleware.security_headers import PUBLIC_REVALIDATED
from schemas.list_query import ObjectQuery
from services.cache_service import CacheService
from services.caching.entries import CacheEntry, CacheLookup
from services.caching.registry import CACHED_RESOURCES

Query = TypeVar("Query", bound=ObjectQuery)

MEMO_ENTRIES = 4096
MAX_REQUEST_BYTES = 100  # of path and query; longer ones are not canonical and would fill the memo
HIT = (b"x-cache-hit", b"true")

_is_canonical_id = re.compile(r"[1-9][0-9]{0,17}").fullmatch  # every number of 18 digits is a key


class CachedResponses:
    def __init__(self, cache: CacheService) -> None:
        self._cache = cache

    def look_up(self, path: str, query: bytes, coding: str | None = None) -> CacheLookup | None:
        """Start a lookup of the response for this content coding.

        Return None if the request is not for a cached entry, or Redis is down.
        """
        if len(path) + len(query) > MAX_REQUEST_BYTES:
            return None
        entry = entry_of(path, query, coding)
        return self._cache.look_up(entry) if entry else None


@lru_cache(MEMO_ENTRIES)
def entry_of(path: str, query: bytes, coding: str | None = None) -> CacheEntry | None:
    """Return the entry that is the whole response to a read; None leaves the request to the router."""
    name, _, rest = path[1:].partition("/")
    resource = CACHED_RESOURCES.get(name)
    if resource is None:
        return None
    if rest:
        asked_of_one = _parse(ObjectQuery, query) if _is_canonical_id(rest) else None
        return resource.one(int(rest), asked_of_one.include) if asked_of_one else None
    asked = _parse(resource.query, query)
    # Pages with `count` and `after_id` have headers that only the router can make.
    if asked is None or asked.count or asked.after_id is not None:
        return None
    page = resource.page(asked)
    return page and page.for_coding(coding)


def _parse(kind: type[Query], query: bytes) -> Query | None:
    """Return the parameters, or None where the router has to refuse or choose them."""
    try:
        given = parse_qsl(query.decode("ascii"), keep_blank_values=True)
        return kind.model_validate(dict(given)) if len(given) == len(dict(given)) else None
    except ValueError:
        return None


def route_of_entry(entry: CacheEntry) -> str:
    """Return the template of the route that would answer, for metrics."""
    return f"/{entry.resource.name}" if entry.is_list else f"/{entry.resource.name}/{{id_key}}"


def hit_headers(lookup: CacheLookup) -> Headers:
    return [*json_headers(lookup.body or b"", lookup.coding), *not_modified_headers(lookup)]


def hit_head(lookup: CacheLookup) -> bytes:
    """Return the head of a raw response, made once for all requests of the lookup."""
    if lookup.head is None:
        lookup.head = STATUS_LINE_200 + head_of(hit_headers(lookup))
    return lookup.head


def not_modified_headers(lookup: CacheLookup) -> Headers:
    etag = etag_for_coding(lookup.etag.decode(), lookup.coding).encode() if lookup.coding else lookup.etag
    return [(b"etag", etag), HIT, PUBLIC_REVALIDATED]
