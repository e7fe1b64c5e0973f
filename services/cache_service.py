"""The cache of answers: bytes in Redis, stamped by tokens that writers drop.

An answer is stored with the tokens that were current before its rows were read, and is a hit only while they are
current still. A writer drops them after its commit and before its answer. So all that was read before the commit is
dead at once, also what a slow reader stores later; nothing is searched for, and losing any key costs a miss only.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

from infrastructure.observability.metrics import metrics
from infrastructure.observability.tracing import redis_span
from infrastructure.redis.client import RedisClient
from infrastructure.redis.protocol import Pipeline, RedisDownError, SimpleCommand
from services.caching.keys import ROOT_TOKEN, CacheEntry, CacheNamespace
from services.rendering import RenderedJson, etag_of

__all__ = ["LOOKED_UP", "CacheEntry", "CacheNamespace", "CacheService", "Lookup"]

logger = logging.getLogger(__name__)

TOKEN_BYTES = 16
STAMP_BYTES = 2 * TOKEN_BYTES
HEAD_BYTES = STAMP_BYTES + len(etag_of(b""))

Load = Callable[[], Awaitable[RenderedJson]]


class Lookup:
    """The command for an entry, shared by all who ask for it in the same tick.

    Afterwards `body` is the answer, None on a miss; `stamp` is what an answer made of rows that are read from now on
    may be stored and shared with, None when it may not.
    """

    __slots__ = ("_open", "body", "entry", "etag", "head", "pipeline", "stamp")

    def __init__(self, entry: CacheEntry, still_open: "dict[str, Lookup]") -> None:
        self.entry = entry
        self.pipeline: Pipeline
        self.stamp: bytes | None = None
        self.etag = b""
        self.body: bytes | None = None
        self.head: bytes | None = None  # whoever answers hits keeps here what is the same for all of them
        self._open = still_open

    def pack(self) -> bytes:
        self._open.pop(self.entry.key, None)
        return self.entry.fetch

    def resolve(self, reply: Any) -> None:
        if isinstance(reply, Exception) or not self.pipeline.is_trusted:
            return
        root, own, value = reply
        if root and own:
            self.stamp = root + own
            if value and value.startswith(self.stamp):
                self.etag, self.body = value[STAMP_BYTES:HEAD_BYTES], value[HEAD_BYTES:]
        logger.debug("cache %s: %s", "miss" if self.body is None else "hit", self.entry.key)


# What was looked up for this request before it came to a service, in vain: it need not be asked for again.
LOOKED_UP: ContextVar[Lookup | None] = ContextVar("LOOKED_UP", default=None)


class CacheService:
    """Of one worker. Without a link it is as if Redis were away."""

    def __init__(self, link: RedisClient | None = None, default_ttl_seconds: int = 300) -> None:
        self._link = link
        self._default_ttl_seconds = default_ttl_seconds
        self._open: dict[str, Lookup] = {}
        self._flights: dict[tuple[str, bytes], asyncio.Task[RenderedJson]] = {}
        if link:
            link.add_handshake_command("UNLINK", ROOT_TOKEN)

    @property
    def is_available(self) -> bool:
        return self._link is not None and self._link.is_up

    def look_up(self, entry: CacheEntry) -> Lookup | None:
        """A lookup to be read when its pipeline is over. None when Redis is away."""
        lookup = self._open.get(entry.key)
        if lookup is None and self._link:
            lookup = Lookup(entry, self._open)
            try:
                lookup.pipeline = self._link.enqueue(lookup)
            except RedisDownError:
                return None
            self._open[entry.key] = lookup
        return lookup

    async def read(self, entry: CacheEntry, load: Load) -> RenderedJson:
        """The cached answer, or what `load` makes of the database, shared by all readers of this worker who miss it
        while no writer intervenes. Raises what `load` raises, which is not kept.
        """
        lookup = LOOKED_UP.get()
        if lookup is None or lookup.entry != entry:
            lookup = await self._looked_up(entry)
        if lookup and lookup.body is not None:
            metrics.cache_hit()
            return RenderedJson(lookup.body, lookup.etag.decode(), hit=True)
        metrics.cache_miss()
        stamp = lookup and (lookup.stamp or await self._make_stamp(entry))
        return await (self._share(entry, stamp, load) if stamp else _load(load))

    async def drop(self, tokens: Sequence[str]) -> None:
        """For whoever has changed what they stand for, between the commit and the answer: when this returns, nothing
        older is read any more, by any worker.
        """
        if self._link and tokens:
            with redis_span("UNLINK"):
                await self._link.execute_reliably("UNLINK", *tokens)

    def drop_from_thread(self, tokens: Sequence[str]) -> None:
        if self._link and tokens:
            with redis_span("UNLINK"):
                self._link.execute_reliably_from_thread("UNLINK", *tokens)

    async def _looked_up(self, entry: CacheEntry) -> Lookup | None:
        lookup = self.look_up(entry)
        if lookup:
            with redis_span("MGET"):
                await lookup.pipeline.wait()
        return lookup

    async def _make_stamp(self, entry: CacheEntry) -> bytes | None:
        """Makes the tokens that are missing. Of several who do it at once, the first wins, and all use what it made."""
        if self._link is None:
            return None
        current = SimpleCommand("MGET", *entry.tokens)
        try:
            for token in entry.tokens:
                self._link.enqueue(
                    SimpleCommand("SET", token, secrets.token_bytes(TOKEN_BYTES), "NX", "EX", 2 * self._ttl(entry))
                )
            pipeline = self._link.enqueue(current)
        except RedisDownError:
            return None
        with redis_span("PIPELINE"):
            await pipeline.wait()
        if isinstance(current.reply, Exception) or not pipeline.is_trusted or None in current.reply:
            return None
        return b"".join(current.reply)

    async def _share(self, entry: CacheEntry, stamp: bytes, load: Load) -> RenderedJson:
        """Readers with the same stamp have seen no write between them, so the rows of the first are right for all.

        It is a task of its own: no reader that goes away takes the answer from the others.
        """
        flight = self._flights.get((entry.key, stamp))
        if flight is None:
            flight = asyncio.create_task(self._fill(entry, stamp, load))
            self._flights[entry.key, stamp] = flight
            flight.add_done_callback(partial(self._land, (entry.key, stamp)))
        return await asyncio.shield(flight)

    async def _fill(self, entry: CacheEntry, stamp: bytes, load: Load) -> RenderedJson:
        document = await _load(load)
        value = stamp + document.etag.encode() + document.body
        with suppress(RedisDownError):
            if self._link:
                self._link.enqueue(SimpleCommand("SET", entry.key, value, "EX", self._ttl(entry)))
        return document

    def _land(self, key: tuple[str, bytes], flight: asyncio.Task[RenderedJson]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # all who waited may be gone, and nobody else would look at it

    def _ttl(self, entry: CacheEntry) -> int:
        return entry.namespace.ttl_seconds or self._default_ttl_seconds


async def _load(load: Load) -> RenderedJson:
    return replace(await load(), hit=False)
