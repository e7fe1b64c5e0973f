"""The few threads of a worker in which transactions run.

More threads make a worker slower, not faster: they take turns at the interpreter lock. Ten lose nothing to fifty.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from config.errors import DatabaseUnavailableError

T = TypeVar("T")


class Threads:
    def __init__(self, size: int, wait_seconds: float) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="transaction")
        self._free = asyncio.Semaphore(size)
        self._wait_seconds = wait_seconds

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, with this request's context variables.

        Raises DatabaseUnavailableError when no thread gets free in time: with a database that hangs, a queue without
        an end would answer nobody.
        """
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailableError("no thread got free in time") from None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, work)
        finally:
            self._free.release()

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
