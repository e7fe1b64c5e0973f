"""Answers from the cache for requests that have not come to the router: which they are, and how a hit looks."""

from collections.abc import Iterable
from functools import lru_cache

from middleware.answers import Headers, json_headers
from middleware.raw_response import STATUS_LINE_200, head_of
from middleware.security_headers import KEPT_AND_CHECKED
from services.cache_service import CacheEntry, CacheNamespace, CacheService, Lookup

MEMO_ENTRIES = 4096
LONGEST_REQUEST = 100  # bytes of path and query; what is longer is not canonical, and would fill the memo
HIT = (b"x-cache-hit", b"true")


class CachedResponses:
    def __init__(self, cache: CacheService, namespaces: Iterable[CacheNamespace]) -> None:
        """`namespaces` are what the services declare: they alone know what is cached, for how long, and until when."""
        self._cache = cache
        self._namespaces = tuple(namespaces)
        self._entry = lru_cache(MEMO_ENTRIES)(self._match)

    def look_up(self, path: str, query: bytes) -> Lookup | None:
        """None when this is nothing cached, or Redis is away."""
        if len(path) + len(query) > LONGEST_REQUEST:
            return None
        entry = self._entry(path, query)
        return self._cache.look_up(entry) if entry else None

    def _match(self, path: str, query: bytes) -> CacheEntry | None:
        return next((entry for namespace in self._namespaces if (entry := namespace.match(path, query))), None)


def hit_headers(lookup: Lookup) -> Headers:
    return [*json_headers(lookup.body or b""), (b"etag", lookup.etag), HIT, KEPT_AND_CHECKED]


def hit_head(lookup: Lookup) -> bytes:
    """The same as it stands on the wire, made once for all who share the lookup."""
    if lookup.head is None:
        lookup.head = STATUS_LINE_200 + head_of(hit_headers(lookup))
    return lookup.head


def unchanged_headers(lookup: Lookup) -> Headers:
    """Of the answer to a reader who has this very body already."""
    return [(b"etag", lookup.etag), HIT, KEPT_AND_CHECKED]
