"""A small thread pool that runs the transactions of one worker.

More threads make a worker slower, because they compete for the interpreter lock. Ten are as fast as fifty.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from infrastructure.concurrency.fair_semaphore import Check, FairSemaphore, OnTimeout

T = TypeVar("T")


class WorkerThreads:
    """A thread pool behind a FIFO queue with a wait timeout."""

    def __init__(
        self,
        size: int,
        wait_seconds: float,
        on_timeout: OnTimeout | None = None,
        check_before: Check | None = None,
    ) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="transaction")
        self.slots = FairSemaphore(size, wait_seconds, "thread", on_timeout, check_before)
        """One for each transaction, in these threads or in those of FastAPI's endpoints."""

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread with the context variables of this request.

        Raise DatabaseUnavailableError if no thread becomes free within `wait_seconds`.
        """
        async with self.slots:
            return await asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, work)

    def usage(self) -> tuple[int, int]:
        """Return the number of threads in use, and of all threads."""
        return self.slots.usage()

    async def finish(self) -> None:
        """Wait for the work that is running, also of cancelled requests, while the event loop serves it. Start none."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
