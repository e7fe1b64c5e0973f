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
    """So many who wait."""
    tasks = [asyncio.create_task(semaphore.acquire()) for _ in range(count)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


def test_turns_come_in_the_order_of_asking() -> None:
    async def test() -> None:
        semaphore = FairSemaphore(1, 30, "turn")
        await semaphore.acquire()
        waiting = await queued(semaphore, 3)
        for number in range(3):
            semaphore.release()
            await waiting[number]
            assert [task.done() for task in waiting] == [index <= number for index in range(3)]
        semaphore.release()
        await semaphore.acquire()

    run(test())


def test_who_waits_too_long_is_told_so_and_the_turn_is_for_others() -> None:
    async def test() -> None:
        semaphore = FairSemaphore(2, 0.01, "seat")
        await semaphore.acquire()
        await semaphore.acquire()
        for _ in range(2):  # the second time, a timer has run out before
            for task in await queued(semaphore, 3):
                with pytest.raises(DatabaseUnavailableError, match="no seat got free in time"):
                    await task
        semaphore.release()
        await semaphore.acquire()

    run(test())


@pytest.mark.parametrize("is_granted", [False, True])
def test_a_cancelled_waiter_releases_its_slot(is_granted: bool) -> None:
    async def test() -> None:
        semaphore = FairSemaphore(1, 30, "turn")
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


def test_a_queue_outlives_an_event_loop() -> None:
    """As connections do whose application is started again."""
    semaphore = FairSemaphore(1, 0.01, "turn")

    async def wait_in_vain() -> None:
        await semaphore.acquire()
        with pytest.raises(DatabaseUnavailableError):
            await semaphore.acquire()
        semaphore.release()

    run(wait_in_vain())
    run(wait_in_vain())
