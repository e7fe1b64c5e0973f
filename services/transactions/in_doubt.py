"""In-doubt writes: commit sent, outcome unknown, because the connection was lost or the server did not answer.

The server may still carry out a statement that it has received, even if no client waits for it. So the stamps of such
writes are dropped once a second until the writes can no longer happen.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import hiredis

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from infrastructure.redis.client import Redis, RedisClient
from infrastructure.redis.protocol import Key, RedisDownError
from services.cache_service import ChangedRows, stale_stamp_keys

IN_TRANSIT_SECONDS = 5.0
"""Longest time of a statement in transit: the network gives up after the three seconds of `tcp_user_timeout`."""
HANDED_OVER = Key("cache:in_doubt")
CHECK = Key("cache:in_doubt:check")
RIGHTS = (("SADD", CHECK, ""), ("SREM", CHECK, ""), ("SMEMBERS", HANDED_OVER))
"""Commands that show at the start whether the user has the rights that are needed here."""


class InDoubtWrite(NamedTuple):
    stamp_keys: Sequence[str]
    settled_at: float
    """Time of the monotonic clock after which the write can no longer happen."""


class InDoubtWrites:
    """The in-doubt writes of one worker. If it dies, its death empties the cache; if it stops, another takes over."""

    def __init__(self, database: Database, redis: Redis | None, statement_seconds: float) -> None:
        self._database, self._redis = database, redis
        self._seconds = IN_TRANSIT_SECONDS + statement_seconds
        self._writes = deque[InDoubtWrite]()
        if redis:
            for command in RIGHTS:
                redis.add_handshake_command(*command)

    def add(self, changed_rows: ChangedRows) -> None:
        """Add a write of these rows. Safe to call from the event loop and from threads."""
        if stamp_keys := stale_stamp_keys(changed_rows):
            self._add(stamp_keys)

    async def drop(self) -> None:
        """Drop the stamps of all writes in doubt, also of those that stopped workers have left."""
        for shard in self._redis.shards if self._redis else ():
            await self._take_over(shard)
        if self._writes:
            await self._drop()

    async def hand_over(self) -> None:
        """Leave the writes to the workers that go on, or to the next one that starts. Call it before Redis is stopped.

        If Redis does not accept them, this worker counts as dead, which empties the cache.
        """
        if self._redis and (stamp_keys := self._stamp_keys()):
            await self._redis.execute_reliably("SADD", HANDED_OVER, *stamp_keys)

    async def _take_over(self, shard: RedisClient) -> None:
        """Adopt the writes of stopped workers. Several workers may adopt the same one, so none is lost."""
        with suppress(RedisDownError, hiredis.ReplyError):
            if stamp_keys := await shard.call("SMEMBERS", HANDED_OVER):
                self._add([key.decode() for key in stamp_keys])
                await shard.call("SREM", HANDED_OVER, *stamp_keys)

    async def _drop(self) -> None:
        """Drop all stamps and forget settled writes. While the server does not answer, the time starts again."""
        started, answers = monotonic(), await self._is_answering()
        if self._redis:
            await self._redis.execute_reliably("UNLINK", *map(Key, self._stamp_keys()))
        for _ in range(len(self._writes)):
            write = self._writes.popleft()
            if not answers:
                write = write._replace(settled_at=started + self._seconds)
            if write.settled_at > started:
                self._writes.append(write)

    def _add(self, stamp_keys: Sequence[str]) -> None:
        self._writes.append(InDoubtWrite(stamp_keys, monotonic() + self._seconds))

    def _stamp_keys(self) -> list[str]:
        return sorted({key for write in tuple(self._writes) for key in write.stamp_keys})

    async def _is_answering(self) -> bool:
        """Return False also while commits wait for a standby: such a write becomes visible when the wait ends."""
        if self._database.probe.has_hanging_commits:
            return False
        try:
            return bool(await self._database.probe.fetch("SELECT 1", {}))
        except DatabaseUnavailableError:
            return False
