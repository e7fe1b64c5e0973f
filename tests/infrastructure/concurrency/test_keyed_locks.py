"""KeyedLocks: bounded holders of a key, FIFO order, no deadlock, nothing left behind by cancelled or late waiters."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest

from infrastructure.concurrency.keyed_locks import Key, KeyedLocks
from infrastructure.exceptions import DatabaseUnavailableError

A, B, C = ("products", 1), ("products", 2), ("products", 3)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


class Holder:
    """A task that holds the locks of its keys until it is told to let go."""

    def __init__(self, locks: KeyedLocks, *keys: Key) -> None:
        self.locks, self.keys = locks, keys
        self.holds, self.let_go = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self.hold())

    async def hold(self) -> None:
        async with self.locks.hold(self.keys):
            self.holds.set()
            await self.let_go.wait()

    async def end(self) -> None:
        self.let_go.set()
        await self.task


async def holders(locks: KeyedLocks, *keys: tuple[Key, ...]) -> list[Holder]:
    """Start one holder after the other, and let each get as far as it can."""
    started = [Holder(locks, *of) for of in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return started


def is_empty(locks: KeyedLocks) -> bool:
    return not locks._locks


def test_holders_of_one_key_take_turns_in_fifo_order() -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 30, "row")
        waiting = await holders(locks, (A,), (A, A), (A,), (A,))
        for number, holder in enumerate(waiting):
            await holder.holds.wait()
            assert [other.holds.is_set() for other in waiting] == [index <= number for index in range(4)]
            await holder.end()
        assert is_empty(locks)

    run(test())


def test_key_has_as_many_holders_as_it_may() -> None:
    async def test() -> None:
        locks = KeyedLocks(2, 30, "row")
        first, second, third, fourth = await holders(locks, (A,), (A, B), (A,), (A,))
        assert [holder.holds.is_set() for holder in (first, second, third, fourth)] == [True, True, False, False]
        await second.end()
        await third.holds.wait()
        assert not fourth.holds.is_set()
        await first.end()
        await third.end()
        await fourth.holds.wait()
        assert not is_empty(locks)
        await fourth.end()
        assert is_empty(locks)

    run(test())


def test_other_keys_are_free_meanwhile() -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 30, "row")
        first, other, none, both = await holders(locks, (A,), (B,), (), (A, B))
        assert [holder.holds.is_set() for holder in (first, other, none, both)] == [True, True, True, False]
        await first.end()
        await other.end()
        await both.holds.wait()
        await none.end()
        await both.end()
        assert is_empty(locks)

    run(test())


def test_overlapping_sets_of_keys_never_deadlock_and_never_overlap_in_time() -> None:
    async def test() -> None:
        locks, chance, held = KeyedLocks(1, 30, "row"), random.Random(1), set[Key]()

        async def work() -> None:
            keys = chance.sample([A, B, C], chance.randint(1, 3))
            async with locks.hold(keys):
                assert held.isdisjoint(keys)
                held.update(keys)
                for _ in range(chance.randint(0, 3)):
                    await asyncio.sleep(0)
                held.difference_update(keys)

        async with asyncio.TaskGroup() as group:
            for _ in range(500):
                group.create_task(work())
        assert is_empty(locks)

    run(test())


def test_wait_timeout_covers_all_keys_and_leaves_nothing() -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 0.01, "row")
        [first, second] = await holders(locks, (A,), (C,))
        for keys in ((A,), (C, B), (A, C)):
            with pytest.raises(DatabaseUnavailableError, match="no row got free in time"):
                async with locks.hold(keys):
                    pytest.fail("the lock was not free")
        async with locks.hold([B]):
            await first.end()
            await second.end()
        assert is_empty(locks)

    run(test())


def test_holding_takes_as_long_as_it_takes() -> None:
    """Let the wait timeout pass while the lock is held after a wait: it covers the wait only."""

    async def test() -> None:
        locks = KeyedLocks(1, 0.01, "row")
        [first, second] = await holders(locks, (A,), (A,))
        await first.end()
        await second.holds.wait()
        await asyncio.sleep(0.02)
        await second.end()

    run(test())


@pytest.mark.parametrize("is_granted", [False, True])
def test_cancelled_waiter_passes_the_lock_on(is_granted: bool) -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 30, "row")
        async with locks.hold([B]):
            gone, patient = await holders(locks, (A, B), (A, B))
            if not is_granted:
                gone.task.cancel()
        if is_granted:
            gone.task.cancel()  # the lock is handed over to it, but it has not run yet
        with pytest.raises(asyncio.CancelledError):
            await gone.task
        await patient.holds.wait()
        assert not gone.holds.is_set()
        await patient.end()
        assert is_empty(locks)

    run(test())


def test_waiter_that_is_cancelled_after_its_timeout_takes_no_lock() -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 30, "row")
        [first, gone] = await holders(locks, (A,), (A,))
        locks._expire(locks._locks[A].waiting[0])
        gone.task.cancel()  # in the same tick as the timeout
        with pytest.raises(asyncio.CancelledError):
            await gone.task
        assert not is_empty(locks), "the first still holds its lock"
        await first.end()
        assert is_empty(locks)

    run(test())


def test_failed_holder_releases_its_locks() -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 30, "row")
        with pytest.raises(ZeroDivisionError):
            async with locks.hold([A, B]):
                raise ZeroDivisionError
        assert is_empty(locks)

    run(test())


def test_timeout_of_the_holder_is_not_taken_for_a_wait_timeout() -> None:
    async def test() -> None:
        locks = KeyedLocks(1, 30, "row")

        async def fail() -> None:
            async with locks.hold([A]):
                raise TimeoutError("its own")

        async with locks.hold([A]):
            failing = asyncio.create_task(fail())
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError, match="its own"):
            await failing
        assert is_empty(locks)

    run(test())
