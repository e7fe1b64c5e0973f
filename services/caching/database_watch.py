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
from infrastructure.redis.client import RedisClient
from infrastructure.redis.membership import ROOT_STAMP
from infrastructure.redis.protocol import Key, RedisDownError

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
START_SECONDS = 2.0
DATABASE = "cache:database"
"""Key of the identity of the server that the workers have last agreed on."""


class DatabaseWatch:
    """The watch of one worker."""

    def __init__(self, database: Database, redis: RedisClient | None) -> None:
        self._database, self._redis = database, redis
        self._agreed: str | None = None
        """Identity for which this worker has emptied the cache, or found it in Redis."""
        self._foreign: str | None = None
        """Identity that another worker has left in Redis, and for which this one has renewed its connections."""

    async def check_before_start(self) -> None:
        """Check once, so that the first requests find the cache as it stays. A server that is away delays no start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self.check()

    async def keep_checking(self) -> None:
        """Run forever, as a task of each worker."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Ask the server, and empty the cache if it is another one than before."""
        await self._database.probe.check()
        with suppress(RedisDownError, hiredis.HiredisError):
            await self._agree()

    async def _agree(self) -> None:
        failover = self._database.failover
        remembered = await self._remembered_identity()
        if remembered not in (None, self._foreign, failover.identity):
            # Another worker has seen another server. The address may lead there by now.
            self._foreign = remembered
            failover.renew()
            await self._database.probe.check()
        identity = failover.identity
        if identity is None or (identity == remembered and self._agreed in (None, identity)):
            self._agreed = identity
            return
        if self._agreed not in (None, identity):
            metrics.database_failover()
            logger.warning("the database has failed over from %s to %s", self._agreed, identity, extra=IN_ERROR_LOG)
        # Connections to the former server are obsolete, so whatever this worker has read there has the older stamp.
        if self._redis:
            await self._redis.execute_reliably("UNLINK", Key(ROOT_STAMP))
        self._agreed = identity
        if self._redis:
            await self._redis.call("SET", Key(DATABASE), identity)

    async def _remembered_identity(self) -> str | None:
        """Return the identity in Redis; without Redis, the one that this worker has agreed on."""
        if self._redis is None:
            return self._agreed
        [value] = await self._redis.call("MGET", Key(DATABASE))
        return value.decode() if value else None
