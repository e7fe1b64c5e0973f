"""Entries of the cache in Redis: their keys, the stamps that make them valid, and their look-ups.

Keys have no prefix here: entries are the same for all shops, and the cache of each adds its own.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.protocol import Pipeline, pack_command
from schemas.list_query import Include, ListQuery
from services.rendering import etag_of

STAMP_BYTES = 16
STAMPS_BYTES = 2 * STAMP_BYTES
HEAD_BYTES = STAMPS_BYTES + len(etag_of(b""))
# The byte before the body in entries for a coding.
COMPRESSED, PLAIN = b"c", b"="

ALL_ROWS = 0
"""Stands for every key of a table, where changed rows are recorded by key. No row has it."""

NOT_CACHED = frozenset({"q", "updated_since"})
"""Filters of lists that are hardly ever read twice: searches, and the changes since the last reading."""


@dataclass(frozen=True)
class CachedResource:
    """A resource with cached reads: lists selected by `query`, and single objects.

    `name` is that of the table and of the collection. `ttl_seconds` None means `REDIS_CACHE_TTL`.
    """

    name: str
    query: type[ListQuery] = ListQuery
    ttl_seconds: int | None = None

    @lru_cache(maxsize=1024)  # noqa: B019 # resources live as long as the process
    def page(self, query: ListQuery) -> "CacheEntry | None":
        """Return the entry of a list; None where many variants would evict lists that are read again."""
        variations = query.variations()
        if not NOT_CACHED.isdisjoint(variations):
            return None
        parts = [f"{name}:{variations[name]}" for name in sorted(variations)]
        return CacheEntry(self, ":".join((f"list:skip:{query.skip}:limit:{query.limit}", *parts)), is_list=True)

    @lru_cache(maxsize=4096)  # noqa: B019 # as above
    def one(self, id_key: int, include: Include = None) -> "CacheEntry":
        return CacheEntry(self, f"id:{id_key}", is_list=False, include=include)

    def stamp_keys(self, id_keys: Set[int]) -> list[str]:
        """Return the keys of the stamps that a change of these objects drops: theirs, and that of all lists.

        A change of all rows drops the root stamp, because nothing lists the stamps of single objects.
        """
        if ALL_ROWS in id_keys:
            return [ROOT_STAMP]
        return [f"{self.name}:list:token", *(f"{self.name}:id:{id_key}:token" for id_key in id_keys)]


@dataclass(frozen=True)
class CacheEntry:
    """One cached response; `name` is its key without the resource: `id:5`.

    `include` tells the form of an object; that of a list is a part of its name. All forms have the same stamps.
    With a `coding` it is the response for clients that prefer this content coding: compressed, unless it is small.
    """

    resource: CachedResource
    name: str
    is_list: bool
    coding: str | None = None
    include: Include = None

    def for_coding(self, coding: str | None) -> "CacheEntry":
        """Return the entry for this coding. Objects have none: they are smaller than what is worth compressing."""
        return replace(self, coding=coding) if self.is_list and coding else self

    @cached_property
    def key(self) -> str:
        return ":".join(part for part in (self.resource.name, self.name, self.include, self.coding) if part)

    @cached_property
    def stamp_keys(self) -> tuple[str, str]:
        """Keys of the root stamp and of the entry's own stamp: one for all lists of a resource, one for each object."""
        return ROOT_STAMP, (
            f"{self.resource.name}:list:token" if self.is_list else f"{self.resource.name}:{self.name}:token"
        )

    def fetch_command(self, prefix: str) -> bytes:
        """Return the encoded command that reads the stamps and the entry. It is kept for the next read."""
        command = self._fetch_commands.get(prefix)
        if command is None:
            keys = [prefix + key for key in (*self.stamp_keys, self.key)]
            command = self._fetch_commands[prefix] = pack_command(("MGET", *keys))
        return command

    @cached_property
    def _fetch_commands(self) -> dict[str, bytes]:
        """Commands by prefix: one, unless a process serves several shops."""
        return {}


class CacheLookup:
    """One read of an entry, shared by all requests of the same event loop tick.

    After the pipeline is done, `body` is the cached response, or None on a miss. `coding` is that of the body, and
    `etag` that of the plain body. `stamps` are the stamps for a response made of rows that are read from now on; None
    means that it must not be stored or shared.
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
