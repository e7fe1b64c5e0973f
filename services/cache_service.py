"""The cache: rendered responses in Redis, each valid only with the current stamps.

An entry is stored with the stamps that were current before its rows were read, and is a hit only while they are still
current. A writer drops the stamps between its commit and its response. So every entry read before the commit becomes
invalid at once, also one that a slow reader stores later. Nothing searches for keys, and a lost key costs one miss.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from infrastructure.observability.metrics import metrics
from infrastructure.observability.tracing import redis_span
from infrastructure.redis.client import Redis
from infrastructure.redis.protocol import Key, RedisDownError, SimpleCommand
from services.caching.entries import COMPRESSED, PLAIN, STAMP_BYTES, CacheEntry, CacheLookup
from services.caching.registry import CACHED_RESOURCES
from services.rendering import RenderedJson

logger = logging.getLogger(__name__)

Load = Callable[[], Awaitable[RenderedJson]]
ChangedRows = Mapping[str, set[int]]
"""Keys of rows by table."""

CHECK = Key("cache:check")
RIGHTS = (("SET", CHECK, "", "EX", 1), ("MGET", CHECK), ("UNLINK", CHECK))
"""Commands that show at the start whether the user has the rights that the cache needs."""


class CacheService:
    """The cache of one worker. Without a Redis client every read is a miss."""

    def __init__(self, redis: Redis | None = None, default_ttl_seconds: int = 300) -> None:
        self._redis = redis
        self._default_ttl_seconds = default_ttl_seconds
        self._open: dict[str, CacheLookup] = {}
        self._loads: dict[tuple[str, bytes], asyncio.Future[RenderedJson | None]] = {}
        if redis:
            for command in RIGHTS:
                redis.add_handshake_command(*command)

    @property
    def is_available(self) -> bool:
        return self._redis is not None and self._redis.is_up

    def look_up(self, entry: CacheEntry) -> CacheLookup | None:
        """Start a lookup, to be read when its pipeline is done. Return None while Redis is down."""
        lookup = self._open.get(entry.key)
        if lookup is None and self._redis:
            shard = self._redis.shard_of(entry.key)
            lookup = CacheLookup(entry, self._open, shard.prefix)
            try:
                lookup.pipeline = shard.enqueue(lookup)
            except RedisDownError:
                return None
            self._open[entry.key] = lookup
        return lookup

    async def read(self, entry: CacheEntry, load: Load, lookup: CacheLookup | None = None) -> RenderedJson:
        """Return the cached response, or the result of `load`, which reads the database.

        Readers of this worker share one `load` as long as no writer intervenes. `lookup` is one that was made earlier
        in this request. Raises the exceptions of `load`, and caches none of them.
        """
        if lookup is None or lookup.entry != entry:
            lookup = await self._looked_up(entry)
        if lookup and lookup.body is not None:
            note_hit(entry)
            return RenderedJson(lookup.body, lookup.etag.decode(), hit=True)
        metrics.cache_miss()
        logger.debug("Cache MISS: %s", entry.key)
        return await self._load_missing(entry, load, lookup)

    async def recall(self, entry: CacheEntry, load: Load) -> bytes | None:
        """Return a value that is no response, as `read` does. Return None while Redis is down."""
        if (lookup := await self._looked_up(entry)) is None:
            return None
        return (await self._load_missing(entry, load, lookup)).body if lookup.body is None else lookup.body

    def store_for_coding(self, lookup: CacheLookup, etag: str, body: bytes, *, is_compressed: bool) -> None:
        """Store the response that a lookup with a coding has missed. `etag` is that of the plain body.

        The body must come from rows, or from an entry, that were read after the lookup, so its stamps are old enough.
        """
        if lookup.stamps and lookup.body is None:
            mark = COMPRESSED if is_compressed else PLAIN
            self._store(lookup.entry, b"".join((lookup.stamps, etag.encode(), mark, body)))

    async def invalidate(self, changed_rows: ChangedRows) -> None:
        """Drop the stamps of rows that a commit has changed. When this returns, no worker reads older entries."""
        await self._drop(stale_stamp_keys(changed_rows))

    async def forget(self, entries: Iterable[CacheEntry]) -> None:
        """Drop the stamps of these entries. When this returns, no worker recalls older values."""
        await self._drop([entry.stamp_keys[1] for entry in entries])

    async def _drop(self, stale: list[str]) -> None:
        if self._redis and stale:
            with redis_span("UNLINK"):
                await self._redis.execute_reliably("UNLINK", *map(Key, stale))
            _log_invalidated(stale)

    def invalidate_from_thread(self, changed_rows: ChangedRows) -> None:
        """Do the same as `invalidate`, from a worker thread."""
        stale = stale_stamp_keys(changed_rows)
        if self._redis and stale:
            with redis_span("UNLINK"):
                self._redis.execute_reliably_from_thread("UNLINK", *map(Key, stale))
            _log_invalidated(stale)

    async def _load_missing(self, entry: CacheEntry, load: Load, lookup: CacheLookup | None) -> RenderedJson:
        stamps = lookup and (lookup.stamps or await self._make_stamps(entry))
        return await (self._share(entry, stamps, load) if stamps else _load(load))

    async def _looked_up(self, entry: CacheEntry) -> CacheLookup | None:
        lookup = self.look_up(entry)
        if lookup:
            with redis_span("MGET"):
                await lookup.pipeline.wait()
        return lookup

    async def _make_stamps(self, entry: CacheEntry) -> bytes | None:
        """Make the missing stamps. Of several workers at once the first wins, and all use its stamps."""
        if self._redis is None:
            return None
        shard = self._redis.shard_of(entry.key)
        stamp_keys = [shard.prefix + key for key in entry.stamp_keys]
        current = SimpleCommand("MGET", *stamp_keys)
        try:
            for key in stamp_keys:
                stamp = secrets.token_bytes(STAMP_BYTES)
                shard.enqueue(SimpleCommand("SET", key, stamp, "NX", "EX", 2 * self._ttl(entry)))
            pipeline = shard.enqueue(current)
        except RedisDownError:
            return None
        with redis_span("PIPELINE"):
            await pipeline.wait()
        if isinstance(current.reply, Exception) or not pipeline.is_trusted or None in current.reply:
            return None
        return b"".join(current.reply)

    async def _share(self, entry: CacheEntry, stamps: bytes, load: Load) -> RenderedJson:
        """Share one load: readers with equal stamps have no write between them, so the same rows are right for all.

        The first reader loads, without a task of its own. If it is cancelled, the next one loads again.
        """
        key = entry.key, stamps
        while running := self._loads.get(key):
            if rendered := await asyncio.shield(running):
                return rendered
        shared = self._loads[key] = asyncio.get_running_loop().create_future()
        try:
            rendered = await self._fill(entry, stamps, load)
        except BaseException as error:
            if isinstance(error, Exception):
                shared.set_exception(error)
                shared.exception()  # marks it as retrieved, since there may be no other reader
            else:
                shared.set_result(None)
            raise
        else:
            shared.set_result(rendered)
            return rendered
        finally:
            del self._loads[key]

    async def _fill(self, entry: CacheEntry, stamps: bytes, load: Load) -> RenderedJson:
        rendered = await _load(load)
        self._store(entry, stamps + rendered.etag.encode() + rendered.body)
        return rendered

    def _store(self, entry: CacheEntry, value: bytes) -> None:
        with suppress(RedisDownError):
            if self._redis:
                shard = self._redis.shard_of(entry.key)
                shard.enqueue(SimpleCommand("SET", shard.prefix + entry.key, value, "EX", self._ttl(entry)))

    def _ttl(self, entry: CacheEntry) -> int:
        return entry.resource.ttl_seconds or self._default_ttl_seconds


def note_hit(entry: CacheEntry) -> None:
    """Count and log a read that the cache has answered."""
    metrics.cache_hit()
    logger.debug("Cache HIT: %s", entry.key)


def _log_invalidated(stamp_keys: list[str]) -> None:
    """Log the stamps: each stands for one object, or for all lists of a resource."""
    if logger.isEnabledFor(logging.DEBUG):
        names = ", ".join(key.removesuffix(":token") for key in stamp_keys)
        logger.debug("Invalidated %d cache entries: %s", len(stamp_keys), names)


def stale_stamp_keys(changed_rows: ChangedRows) -> list[str]:
    """Return the keys of the stamps of changed rows; rows of uncached tables have none."""
    return [
        key
        for table in changed_rows.keys() & CACHED_RESOURCES.keys()
        for key in CACHED_RESOURCES[table].stamp_keys(changed_rows[table])
    ]


async def _load(load: Load) -> RenderedJson:
    return (await load())._replace(hit=False)
