"""Turns at something of which there is only so much: taken in the order of asking, waited for so long and no longer."""

import asyncio
from collections import deque

from infrastructure.exceptions import DatabaseUnavailableError

Waiter = asyncio.Future[None]


class Turns:
    """What an `asyncio.Semaphore` in an `asyncio.timeout` does. Where most have to wait it costs half of that,
    since there is one timer, for who has waited longest.
    """

    def __init__(self, size: int, wait_seconds: float, what: str) -> None:
        self._free = size
        self._wait_seconds = wait_seconds
        self._what = what
        self._waiting: deque[tuple[float, Waiter]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        """Raises DatabaseUnavailableError when none gets free in time: a queue without an end would answer nobody."""
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        waiter, end = loop.create_future(), loop.time() + self._wait_seconds
        if not self._waiting:
            self._set_timer(loop, end)
        self._waiting.append((end, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # the turn had come, and who waited for it has gone
                self.give_back()
            raise

    def give_back(self) -> None:
        while self._waiting:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _set_timer(self, loop: asyncio.AbstractEventLoop, end: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_at(end, self._give_up, loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(DatabaseUnavailableError(f"no {self._what} got free in time"))
        if self._waiting:
            self._set_timer(loop, self._waiting[0][0])
