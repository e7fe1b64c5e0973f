"""Turns are taken in the order of asking, and none is lost by who gives up or goes away."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from infrastructure.concurrency.fair_semaphore import Turns
from infrastructure.exceptions import DatabaseUnavailableError


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def queued(turns: Turns, count: int) -> list["asyncio.Task[None]"]:
    """So many who wait."""
    tasks = [asyncio.create_task(turns.take()) for _ in range(count)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


def test_turns_come_in_the_order_of_asking() -> None:
    async def test() -> None:
        turns = Turns(1, 30, "turn")
        await turns.take()
        waiting = await queued(turns, 3)
        for number in range(3):
            turns.give_back()
            await waiting[number]
            assert [task.done() for task in waiting] == [index <= number for index in range(3)]
        turns.give_back()
        await turns.take()

    run(test())


def test_who_waits_too_long_is_told_so_and_the_turn_is_for_others() -> None:
    async def test() -> None:
        turns = Turns(2, 0.01, "seat")
        await turns.take()
        await turns.take()
        for _ in range(2):  # the second time, a timer has run out before
            for task in await queued(turns, 3):
                with pytest.raises(DatabaseUnavailableError, match="no seat got free in time"):
                    await task
        turns.give_back()
        await turns.take()

    run(test())


@pytest.mark.parametrize("is_granted", [False, True])
def test_who_goes_away_takes_no_turn_along(is_granted: bool) -> None:
    async def test() -> None:
        turns = Turns(1, 30, "turn")
        await turns.take()
        gone, patient = await queued(turns, 2)
        if is_granted:
            turns.give_back()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        if not is_granted:
            turns.give_back()
        await patient
        turns.give_back()
        await turns.take()

    run(test())


def test_a_queue_outlives_an_event_loop() -> None:
    """As connections do whose application is started again."""
    turns = Turns(1, 0.01, "turn")

    async def wait_in_vain() -> None:
        await turns.take()
        with pytest.raises(DatabaseUnavailableError):
            await turns.take()
        turns.give_back()

    run(wait_in_vain())
    run(wait_in_vain())
