"""FIFO locks by key, with a wait timeout."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from infrastructure.exceptions import DatabaseUnavailableError

Key = tuple[str, int]
Waiter = asyncio.Future[None]


@dataclass(slots=True)
class _Lock:
    holders: int = 0
    waiting: deque[Waiter] = field(default_factory=deque)


class KeyedLocks:
    """Locks of one worker, each for `holders` tasks at once. A key has an entry only while a task holds its lock."""

    def __init__(self, holders: int, wait_seconds: float, what: str) -> None:
        """`what` names the guarded resource in the timeout's message."""
        self._holders, self._wait_seconds, self._what = holders, wait_seconds, what
        self._locks: dict[Key, _Lock] = {}

    def hold(self, keys: Collection[Key]) -> AbstractAsyncContextManager[None]:
        """Hold the locks of all keys. Every task takes them in the same order, so no two tasks wait for each other.

        Raises DatabaseUnavailableError if it does not get all of them within `wait_seconds`.
        """
        return self._hold(keys) if keys else nullcontext()

    @asynccontextmanager
    async def _hold(self, keys: Collection[Key]) -> AsyncIterator[None]:
        deadline, held = asyncio.get_running_loop().time() + self._wait_seconds, list[Key]()
        try:
            for key in sorted(set(keys)):
                lock = self._locks.setdefault(key, _Lock())
                if lock.holders < self._holders:
                    lock.holders += 1
                else:
                    await self._wait(key, lock, deadline)
                held.append(key)
            yield
        finally:
            for key in held:
                self._release(key)

    async def _wait(self, key: Key, lock: _Lock, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        lock.waiting.append(waiter)
        timer = loop.call_at(deadline, self._expire, waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.exception() is None:  # the lock was handed over before the task ended
                self._release(key)
            raise
        finally:
            timer.cancel()

    def _expire(self, waiter: Waiter) -> None:
        if not waiter.done():
            waiter.set_exception(DatabaseUnavailableError(f"no {self._what} got free in time"))

    def _release(self, key: Key) -> None:
        """Hand the lock to the first waiter, or free it."""
        lock = self._locks[key]
        while lock.waiting:
            waiter = lock.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        lock.holders -= 1
        if not lock.holders:
            del self._locks[key]
