"""Watch over the database server: after a failover, the cache may hold what the new server has lost.

Each worker asks the server for its identity once a second. A change empties the cache. Redis remembers the identity, so
a failover is noticed by all workers and instances, also by those that start later.
"""

import asyncio
import logging
from contextlib import suppress

import hiredis

from infrastructure.observability.log_targets import IN_ERROR_LOG
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.database import Database
from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.client import Redis, RedisClient
from infrastructure.redis.protocol import Key, RedisDownError

logger = logging.getLogger(__name__)

START_SECONDS = 2.0
DATABASE = "cache:database"
"""Key of the identity of the server that the workers have last agreed on."""


class DatabaseWatch:
    """The watch of one worker."""

    def __init__(self, database: Database, redis: Redis | None) -> None:
        self._database, self._redis = database, redis
        self._agreed: dict[RedisClient | None, str | None] = {}
        """Identities for which this worker has emptied the cache, or found them in Redis, by shard."""
        self._reported: str | None = None
        self._foreign: str | None = None
        """Identity that another worker has left in Redis, and for which this one has renewed its connections."""

    async def check_before_start(self) -> None:
        """Check once, so that the first requests find the cache as it stays. A server that is away delays no start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self.check()

    async def check(self) -> None:
        """Ask the server, and empty the cache if it is another one than before."""
        await self._database.probe.check()
        shards = self._redis.shards if self._redis else (None,)
        await asyncio.gather(*map(self._check_shard, shards))

    async def _check_shard(self, shard: RedisClient | None) -> None:
        with suppress(RedisDownError, hiredis.HiredisError):
            await self._agree(shard)

    async def _agree(self, shard: RedisClient | None) -> None:
        failover = self._database.failover
        agreed, remembered = self._agreed.get(shard), await self._remembered_identity(shard)
        if remembered not in (None, self._foreign, failover.identity):
            # Another worker has seen another server. The address may lead there by now.
            self._foreign = remembered
            failover.renew()
            await self._database.probe.check()
        identity = failover.identity
        if identity is None or (identity == remembered and agreed in (None, identity)):
            self._agreed[shard] = identity
            return
        if agreed not in (None, identity):
            self._report(agreed, identity)
        # Connections to the former server are obsolete, so whatever this worker has read there has the older stamp.
        if shard:
            await shard.execute_reliably("UNLINK", Key(ROOT_STAMP))
        self._agreed[shard] = identity
        if shard:
            await shard.call("SET", Key(DATABASE), identity)

    def _report(self, former: str | None, identity: str) -> None:
        """Count and log a failover, once for all shards."""
        if self._reported != identity:
            self._reported = identity
            metrics.database_failover()
            logger.warning("the database has failed over from %s to %s", former, identity, extra=IN_ERROR_LOG)

    async def _remembered_identity(self, shard: RedisClient | None) -> str | None:
        """Return the identity in Redis; without Redis, the one that this worker has agreed on."""
        if shard is None:
            return self._agreed.get(shard)
        [value] = await shard.call("MGET", Key(DATABASE))
        return value.decode() if value else None
