"""In-doubt writes: commit sent, outcome unknown, because the connection was lost or the server did not answer.

The server may still carry out a statement that it has received, even if no client waits for it. So the stamps of such
writes are dropped once a second until the writes can no longer happen.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from services.cache_service import CacheService, ChangedRows, stale_stamp_keys

INTERVAL_SECONDS = 1.0
IN_TRANSIT_SECONDS = 5.0
"""Longest time of a statement in transit: the network gives up after the three seconds of `tcp_user_timeout`."""


class InDoubtWrite(NamedTuple):
    stamp_keys: Sequence[str]
    settled_at: float
    """Time of the monotonic clock after which the write can no longer happen."""


class InDoubtWrites:
    """The in-doubt writes of one worker. If it dies, the handshake of its successor empties the cache."""

    def __init__(self, database: Database, cache: CacheService, statement_seconds: float) -> None:
        self._database, self._cache = database, cache
        self._seconds = IN_TRANSIT_SECONDS + statement_seconds
        self._writes = deque[InDoubtWrite]()

    def add(self, changed_rows: ChangedRows) -> None:
        """Add a write of these rows. Safe to call from the event loop and from threads."""
        if stamp_keys := stale_stamp_keys(changed_rows):
            self._writes.append(InDoubtWrite(stamp_keys, monotonic() + self._seconds))

    async def keep_dropping(self) -> None:
        """Run forever, as a task of each worker."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            if self._writes:
                await self._drop()

    async def _drop(self) -> None:
        """Drop all stamps and forget settled writes. While the server does not answer, the time starts again."""
        started, answers = monotonic(), await self._is_answering()
        writes = [self._writes.popleft() for _ in range(len(self._writes))]
        await self._cache.drop(sorted({key for write in writes for key in write.stamp_keys}))
        if not answers:
            writes = [write._replace(settled_at=started + self._seconds) for write in writes]
        self._writes.extend(write for write in writes if write.settled_at > started)

    async def _is_answering(self) -> bool:
        try:
            return bool(await self._database.probe.fetch("SELECT 1", {}))
        except DatabaseUnavailableError:
            return False
