"""The read replicas of one worker."""

import asyncio
import logging
from collections.abc import Iterator, Sequence

import psycopg2

from infrastructure.exceptions import DatabaseUnavailableError, OutcomeUnknownError, RefusedError
from infrastructure.observability.metrics import ReplicaUsage
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.replication.position import (
    POSITION,
    RECORD_IDENTITY,
    SAMPLE_SECONDS,
    Position,
    PrimaryHistory,
)
from infrastructure.postgres.replication.replica import Replica

logger = logging.getLogger(__name__)

CHECK_SECONDS = 0.1
RETRY_SECONDS = 1.0
"""Time between two checks of a replica that is not used."""


class Replicas:
    """Replicas, and the history of their primary. Without replicas, it does nothing."""

    def __init__(self, replicas: Sequence[Replica], reads: AsyncPool, writes: AsyncPool) -> None:
        """Build the group; `reads` and `writes` are the pools of the primary."""
        self._replicas, self._reads, self._writes = replicas, reads, writes
        self._history = PrimaryHistory()
        self._turn = 0

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._replicas)

    def __len__(self) -> int:
        return len(self._replicas)

    @property
    def are_used(self) -> bool:
        return any(replica.is_used for replica in self._replicas)

    def find(self, position: Position) -> Replica | None:
        """Return the least busy replica that has replayed the position, by turns; None stands for the primary."""
        self._turn += 1
        start = self._turn % len(self._replicas)
        by_turns = (*self._replicas[start:], *self._replicas[:start])
        caught_up = [replica for replica in by_turns if replica.has_replayed(position)]
        return min(caught_up, key=lambda replica: replica.reads.usage()[0], default=None)

    def usage(self) -> ReplicaUsage:
        """Return for each replica whether reads use it, and its lag in seconds."""
        return {replica.name: (bool(replica.is_used), replica.lag_seconds) for replica in self._replicas}

    async def keep_checking(self) -> None:
        """Run forever, as a task of each worker. A replica that hangs delays no check of another one."""
        await self._sample()
        await asyncio.gather(self._keep_sampling(), *map(self._keep_checking, self._replicas))

    def close(self) -> None:
        for replica in self._replicas:
            replica.close()

    async def _keep_checking(self, replica: Replica) -> None:
        while True:
            await replica.check(self._history)
            await asyncio.sleep(CHECK_SECONDS if replica.is_used else RETRY_SECONDS)

    async def _keep_sampling(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            await self._sample()

    async def _sample(self) -> None:
        """Note the primary's position, and leave its identity to the replicas. Raises nothing."""
        try:
            [(identity, lsn, recorded)] = await self._reads.fetch(POSITION, {})
            self._history.note(Position(identity, lsn))
            if recorded != identity:
                await self._writes.write(RECORD_IDENTITY, {})
        except (DatabaseUnavailableError, OutcomeUnknownError, RefusedError, psycopg2.Error) as error:
            logger.debug("the primary's position is unknown: %s", error)
