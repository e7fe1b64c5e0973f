"""FIFO semaphore with a wait timeout."""

import asyncio
from collections import deque
from collections.abc import Callable

from infrastructure.exceptions import DatabaseUnavailableError

Waiter = asyncio.Future[None]
OnTimeout = Callable[[DatabaseUnavailableError], None]
Check = Callable[[], None]


class FairSemaphore:
    """Equivalent of an `asyncio.Semaphore` inside an `asyncio.timeout`, at half the cost under contention.

    One timer serves all waiters, because the first waiter always expires first.
    """

    def __init__(
        self,
        size: int,
        wait_seconds: float,
        what: str,
        on_timeout: OnTimeout | None = None,
        check_before: Check | None = None,
    ) -> None:
        """Build a semaphore of `size` slots. `what` names the guarded resource in the timeout's message.

        `on_timeout` is called with each such error. `check_before` is called before a slot is granted, and may raise an
        error that refuses it.
        """
        self._on_timeout, self._check_before = on_timeout, check_before
        self._free = self._size = size
        self._wait_seconds = wait_seconds
        self._what = what
        self._waiting: deque[tuple[float, Waiter]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def usage(self) -> tuple[int, int]:
        """Return the number of slots in use, and of all slots."""
        return self._size - self._free, self._size

    async def acquire(self) -> None:
        """Wait for a free slot, in the order of arrival. Raises DatabaseUnavailableError after `wait_seconds`."""
        self._check()
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        waiter, deadline = loop.create_future(), loop.time() + self._wait_seconds
        if not self._waiting:
            self._set_timer(loop, deadline)
        self._waiting.append((deadline, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.exception() is None:  # the slot was granted before the task ended
                self.release()
            raise
        try:
            self._check()
        except BaseException:
            self.release()
            raise

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Hand the slot to the first waiter, or free it."""
        while self._waiting:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _check(self) -> None:
        if self._check_before:
            self._check_before()

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._expire_waiters, loop)

    def _expire_waiters(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                error = DatabaseUnavailableError(f"no {self._what} got free in time")
                if self._on_timeout:
                    self._on_timeout(error)
                waiter.set_exception(error)
        if self._waiting:
            self._set_timer(loop, self._waiting[0][0])
