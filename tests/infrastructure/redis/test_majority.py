"""Rules of a majority: it names the master, ends the trust in the former one, and admits the new one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from infrastructure.redis.address import RedisAddress
from infrastructure.redis.topology.elected_master import ElectedMaster
from infrastructure.redis.topology.electorate import Ballot, NoMasterError, Place
from infrastructure.redis.topology.majority import LEASE_SECONDS, SETTLING_SECONDS, Majority
from infrastructure.redis.topology.master import MasterReplacedError

A, B = RedisAddress("a", 1, 0, ""), RedisAddress("b", 1, 0, "")


class Voter:
    async def aclose(self) -> None:
        """Close nothing."""


class Council:
    """Voters by number. Each names a server, or does not answer (None)."""

    name, shards = "voters", 1

    def __init__(self, *votes: RedisAddress | None) -> None:
        self.votes = list(votes)

    async def first_voters(self) -> frozenset[Place]:
        return self._numbered(len(self.votes))

    def connect(self, _place: Place) -> Any:
        return Voter()

    async def ask(self, place: Place, _voter: Any) -> Ballot:
        vote = self.votes[place[1]]
        if vote is None:
            raise OSError("no answer")
        return Ballot([(vote.host, vote.port)], self._numbered(len(self.votes)))

    def _numbered(self, count: int) -> frozenset[Place]:
        return frozenset(("voter", number) for number in range(count))


class Growing(Council):
    """Only the first voter is configured. It knows the others."""

    async def first_voters(self) -> frozenset[Place]:
        return self._numbered(1)


@asynccontextmanager
async def elected(council: Council) -> AsyncIterator[ElectedMaster]:
    master = ElectedMaster(Majority(council), 0, A)
    master.start()
    try:
        yield master
    finally:
        await master.stop()


def age(master: ElectedMaster, *, since: float = 0, asked_at: float = 0) -> None:
    """Make the last election older by these seconds."""
    [named] = master._majority.named
    master._majority.named[0] = named._replace(since=named.since - since, asked_at=named.asked_at - asked_at)


def settle(master: ElectedMaster) -> None:
    age(master, since=SETTLING_SECONDS)


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        ((A, A, B), A),
        ((A, None, A), A),
        ((B, B, None), B),
        ((A, B, None), None),
        ((A, None, None), None),
        ((A, B), None),
    ],
)
def test_more_than_half_of_all_voters_have_to_name_the_master(
    votes: tuple[RedisAddress | None, ...], winner: RedisAddress | None
) -> None:
    async def scenario() -> None:
        async with elected(Council(*votes)) as master:
            if winner:
                assert await master.find() == winner
            else:
                with pytest.raises(NoMasterError, match="no majority of the voters names a master"):
                    await master.find()

    asyncio.run(scenario())


def test_a_new_master_is_used_when_no_worker_trusts_the_former_one() -> None:
    async def scenario() -> None:
        council = Council(A, A, A)
        async with elected(council) as master:
            settled = asyncio.create_task(master.settle(A))
            await master.find()
            assert not await master.is_only(A), "a worker that starts does not know how long it has been the master"
            assert not settled.done()
            settled.cancel()
            settle(master)
            assert await master.is_only(A)
            assert not await master.is_only(B)
            council.votes[:2] = B, B
            assert await master.find() == B
            assert not await master.is_only(B)
            settle(master)
            with pytest.raises(MasterReplacedError):
                await master.settle(A)
            await master.settle(B)

    asyncio.run(scenario())


def test_a_master_is_trusted_for_the_length_of_a_lease() -> None:
    async def scenario() -> None:
        council = Council(A, A, A)
        async with elected(council) as master:
            await master.find()
            assert master.is_current(A)
            council.votes[1:] = None, None
            age(master, asked_at=LEASE_SECONDS)
            assert not master.is_current(A)
            assert not master.is_replaced(A), "the connection may stay"
            council.votes[1:] = B, B
            await master.find()
            assert master.is_replaced(A)
            assert not master.is_current(A)
            assert master.is_current(B)

    asyncio.run(scenario())


def test_a_gap_in_the_elections_starts_the_waiting_time_again() -> None:
    """Suspect that another server has been the master meanwhile."""

    async def scenario() -> None:
        async with elected(Council(A)) as master:
            await master.find()
            settle(master)
            assert await master.is_only(A)
            age(master, asked_at=LEASE_SECONDS + 1)
            assert not await master.is_only(A)

    asyncio.run(scenario())


def test_a_former_master_that_has_handed_over_is_not_waited_for() -> None:
    async def scenario() -> None:
        council = Council(A, A, A)
        async with elected(council) as master:
            await master.find()
            master.note_handover(A)
            assert not await master.is_only(A)
            council.votes[:] = B, B, B
            assert await master.is_only(B)

    asyncio.run(scenario())


def test_voters_that_others_know_vote_from_the_next_round_on() -> None:
    async def scenario() -> None:
        async with elected(Growing(A, B, B)) as master:
            await master._majority.ask()
            [named] = master._majority.named
            assert named.place is None, "the only voter at first decides nothing"
            assert await master.find() == B

    asyncio.run(scenario())


def test_a_stop_ends_the_wait_for_an_election() -> None:
    async def scenario() -> None:
        master = ElectedMaster(Majority(Council(A)), 0, A)
        master.start()
        waiting = asyncio.create_task(master.is_only(A))
        await asyncio.sleep(0)
        await master.stop()
        assert not await waiting

    started_at = monotonic()
    asyncio.run(scenario())
    assert monotonic() - started_at < 30
