"""Bound for the memory of request bodies that are still arriving."""

import asyncio
import logging
from time import monotonic

BUDGET_BYTES = 4 * 2**20
"""Bytes of incomplete bodies in a worker. Complete bodies take milliseconds; slow clients could fill the memory."""
QUIET_SECONDS = 60  # between two warnings

logger = logging.getLogger(__name__)


class BodyBudget:
    """Incomplete bodies by the deadline that ends their request, oldest first.

    Above the bound, the oldest body ends: those of honest clients are younger than those of slow attackers.
    """

    def __init__(self, limit: int = BUDGET_BYTES) -> None:
        self._limit, self._total = limit, 0
        self._held: dict[asyncio.Timeout, int] = {}
        self._quiet_until = 0.0

    def hold(self, deadline: asyncio.Timeout, size: int, largest_body: int) -> None:
        """Count `size` more bytes. One body of the largest size is always possible."""
        if deadline.when() is not None:
            return  # its request has ended, but has not noticed yet
        self._held[deadline] = self._held.get(deadline, 0) + size
        self._total += size
        while self._total > max(self._limit, largest_body):
            oldest = next(iter(self._held))
            self.release(oldest)
            oldest.reschedule(asyncio.get_running_loop().time())
            self._warn()

    def release(self, deadline: asyncio.Timeout) -> None:
        self._total -= self._held.pop(deadline, 0)

    def _warn(self) -> None:
        if monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + QUIET_SECONDS
            logger.warning("incomplete request bodies exceed %d bytes: the oldest are refused", self._limit)


BODIES = BodyBudget()  # of this worker
