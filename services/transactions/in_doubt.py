"""Writes of which nobody knows whether they have happened: their connection was lost, or the server gave no answer.

The server may still carry them out: what was sent to it, it does when it goes on, whether or not anybody waits. So
what is cached of them is dropped once a second, until they cannot happen any more.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from services.cache_service import CacheService

EVERY_SECONDS = 1.0
ON_THE_WAY_SECONDS = 5.0
"""How long a statement may be on its way: the network gives up after the three seconds of `tcp_user_timeout`."""


class Doubt(NamedTuple):
    tokens: Sequence[str]
    settled_at: float
    """By the monotonic clock."""


class Doubts:
    """Of one worker. When it dies, the greeting of its successor drops all that is cached."""

    def __init__(self, database: Database, cache: CacheService, statement_seconds: float) -> None:
        self._database, self._cache = database, cache
        self._seconds = ON_THE_WAY_SECONDS + statement_seconds
        self._open = deque[Doubt]()

    def add(self, tokens: Sequence[str]) -> None:
        """For the event loop and for threads."""
        if tokens:
            self._open.append(Doubt(tokens, monotonic() + self._seconds))

    async def keep_dropping(self) -> None:
        """Never returns: a task of each worker."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if self._open:
                await self._drop()

    async def _drop(self) -> None:
        """All of them, and forget those that are settled. The time begins anew while the server does not answer."""
        begun, answers = monotonic(), await self._is_answering()
        doubts = [self._open.popleft() for _ in range(len(self._open))]
        await self._cache.drop(sorted({token for doubt in doubts for token in doubt.tokens}))
        if not answers:
            doubts = [doubt._replace(settled_at=begun + self._seconds) for doubt in doubts]
        self._open.extend(doubt for doubt in doubts if doubt.settled_at > begun)

    async def _is_answering(self) -> bool:
        try:
            return bool(await self._database.probe.fetch("SELECT 1", {}))
        except DatabaseUnavailableError:
            return False
