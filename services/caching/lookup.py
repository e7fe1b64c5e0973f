"""Lookups of cache entries in Redis."""

from typing import Any

from infrastructure.redis.protocol import Pipeline
from services.caching.keys import CacheEntry
from services.rendering import etag_of

STAMP_BYTES = 16
STAMPS_BYTES = 2 * STAMP_BYTES
HEAD_BYTES = STAMPS_BYTES + len(etag_of(b""))
# The byte before the body in entries for a coding.
COMPRESSED, PLAIN = b"c", b"="


class CacheLookup:
    """One read of an entry, shared by all requests of the same event loop tick.

    After the pipeline is done, `body` is the cached response, or None on a miss. `coding` is that of the body, and
    `etag` that of the plain body. `stamps` are the stamps for a response
    made of rows that are read from now on; None means that it must not be stored or shared.
    """

    __slots__ = ("_open", "body", "coding", "entry", "etag", "head", "pipeline", "prefix", "stamps")

    def __init__(self, entry: CacheEntry, still_open: "dict[str, CacheLookup]", prefix: str) -> None:
        """Build a lookup of the entry in the shop whose keys begin with `prefix`."""
        self.entry = entry
        self.prefix = prefix
        self.pipeline: Pipeline
        self.stamps: bytes | None = None
        self.etag = b""
        self.coding: str | None = None
        self.body: bytes | None = None
        self.head: bytes | None = None  # the response head, kept by the middleware for all requests of this lookup
        self._open = still_open

    def pack(self) -> bytes:
        self._open.pop(self.entry.key, None)
        return self.entry.fetch_command(self.prefix)

    def resolve(self, reply: Any) -> None:
        if isinstance(reply, Exception) or not self.pipeline.is_trusted:
            return
        root, own, value = reply
        if root and own:
            self.stamps = root + own
            if value and value.startswith(self.stamps):
                self.etag, self.body = value[STAMPS_BYTES:HEAD_BYTES], value[HEAD_BYTES:]
                if self.entry.coding:
                    self._read_coding(self.body)

    def _read_coding(self, marked: bytes) -> None:
        self.coding = self.entry.coding if marked.startswith(COMPRESSED) else None
        self.body = marked[1:]
