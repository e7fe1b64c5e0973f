"""The few threads of a worker in which transactions run.

More threads make a worker slower, not faster: they take turns at the interpreter lock. Ten lose nothing to fifty.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from infrastructure.concurrency.fair_semaphore import FairSemaphore

T = TypeVar("T")


class WorkerThreads:
    def __init__(self, size: int, wait_seconds: float) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="transaction")
        self._semaphore = FairSemaphore(size, wait_seconds, "thread")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, with this request's context variables.

        Raises DatabaseUnavailableError when no thread gets free in time.
        """
        await self._semaphore.acquire()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, work)
        finally:
            self._semaphore.release()

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
