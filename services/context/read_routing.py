"""Choice of the server for reads. A caller reads from a replica once it has replayed all writes of the caller.

Each caller has a position: an LSN of the primary that is not older than the last answered write of the caller. It is a
cached value of the cache protocol. A write of the caller drops its stamp before its response, so whatever happens to
Redis or to the database, a position that is found is new enough. A missing one is read from the primary again.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from infrastructure.observability.metrics import metrics
from infrastructure.postgres.connection import Parameters, Row
from infrastructure.postgres.database import Database
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.replication.position import Position, current_position
from infrastructure.postgres.replication.replica import FAILURES, Replica, may_succeed_elsewhere
from services.cache_service import CacheService
from services.caching.entries import CachedResource, CacheEntry
from services.rendering import RenderedJson, etag_of

T = TypeVar("T")

POSITIONS = CachedResource("positions", ttl_seconds=3600)


def position_of(caller: str) -> CacheEntry:
    """Return the cache entry of the caller's position. With the braces, no entry has the key of another one's stamp."""
    return CacheEntry(POSITIONS, f"{{{caller}}}", is_list=False)


async def note_write(cache: CacheService, callers: Iterable[str]) -> None:
    """Let later reads of these callers see all that is committed now. Call it before the response to a write."""
    await cache.forget(map(position_of, callers))


class CallerReads:
    """The reads of one request, all from the same server: a replica that has the caller's writes, or the primary."""

    def __init__(self, database: Database, cache: CacheService, caller: str) -> None:
        self._database, self._cache, self._caller = database, cache, caller
        self._position: Position | None = None
        self._replica: Replica | None = None
        self._is_chosen = False

    async def fetch(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> list[Row]:
        """Return all rows of a statement, as the pool of the primary does."""
        return await self.run(lambda reads: reads.fetch(sql, parameters, is_prepared))

    async def run(self, work: Callable[[AsyncPool], Awaitable[T]]) -> T:
        """Run `work` with the pool of the server. If a replica fails, run it again with that of the primary."""
        if not self._is_chosen:
            self._replica, self._is_chosen = await self._choose(), True
        replica, self._replica = self._replica, None
        if replica and self._position and replica.has_replayed(self._position):
            try:
                result = await work(replica.reads)
            except FAILURES as error:
                if not may_succeed_elsewhere(error):
                    raise
            else:
                metrics.read_from(replica.name)
                self._replica = replica
                return result
        metrics.read_from("primary")
        return await work(self._database.reads)

    async def _choose(self) -> Replica | None:
        if not self._database.replicas.are_used:
            return None
        value = await self._cache.recall(position_of(self._caller), self._load_position)
        if value is None:
            return None
        identity, _, lsn = value.decode().partition(" ")
        self._position = Position(identity, int(lsn))
        return self._database.replicas.find(self._position)

    async def _load_position(self) -> RenderedJson:
        body = b"%s %d" % ((position := await current_position(self._database.reads)).identity.encode(), position.lsn)
        return RenderedJson(body, etag_of(body))
