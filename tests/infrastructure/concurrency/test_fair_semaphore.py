"""FairSemaphore: FIFO order, timeouts, and no slot lost to a cancelled waiter."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from infrastructure.concurrency.fair_semaphore import FairSemaphore
from infrastructure.exceptions import DatabaseUnavailableError


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def queued(semaphore: FairSemaphore, count: int) -> list["asyncio.Task[None]"]:
    """Start `count` waiters and return their tasks."""
    tasks = [asyncio.create_task(semaphore.acquire()) for _ in range(count)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


def test_slots_are_granted_in_fifo_order() -> None:
    async def test() -> None:
        semaphore = FairSemaphore(1, 30, "slot")
        await semaphore.acquire()
        waiting = await queued(semaphore, 3)
        for number in range(3):
            semaphore.release()
            await waiting[number]
            assert [task.done() for task in waiting] == [index <= number for index in range(3)]
        semaphore.release()
        await semaphore.acquire()

    run(test())


def test_wait_timeout_raises_and_loses_no_slot() -> None:
    async def test() -> None:
        semaphore = FairSemaphore(2, 0.01, "seat")
        await semaphore.acquire()
        await semaphore.acquire()
        for _ in range(2):  # the second round begins after an expired timer
            for task in await queued(semaphore, 3):
                with pytest.raises(DatabaseUnavailableError, match="no seat got free in time"):
                    await task
        semaphore.release()
        await semaphore.acquire()

    run(test())


@pytest.mark.parametrize("is_granted", [False, True])
def test_cancelled_waiter_releases_its_slot(is_granted: bool) -> None:
    async def test() -> None:
        semaphore = FairSemaphore(1, 30, "slot")
        await semaphore.acquire()
        gone, patient = await queued(semaphore, 2)
        if is_granted:
            semaphore.release()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        if not is_granted:
            semaphore.release()
        await patient
        semaphore.release()
        await semaphore.acquire()

    run(test())


def test_waiter_that_is_cancelled_after_its_timeout_frees_no_slot() -> None:
    async def test() -> None:
        semaphore = FairSemaphore(1, 30, "slot")
        await semaphore.acquire()
        [gone] = await queued(semaphore, 1)
        [(_, waiter)] = semaphore._waiting
        waiter.set_exception(DatabaseUnavailableError())  # as the timer does, in the same tick
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert semaphore._free == 0

    run(test())


def test_semaphore_works_in_a_new_event_loop() -> None:
    """Use it in two event loops, as an application does that is started again in one process."""
    semaphore = FairSemaphore(1, 0.01, "slot")

    async def run_into_the_timeout() -> None:
        await semaphore.acquire()
        with pytest.raises(DatabaseUnavailableError):
            await semaphore.acquire()
        semaphore.release()

    run(run_into_the_timeout())
    run(run_into_the_timeout())
