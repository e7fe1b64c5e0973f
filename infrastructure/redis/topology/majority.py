"""Majority of the Sentinels, or of the nodes of a cluster: the servers that it names as masters.

After a failover two servers may take themselves for the master, and workers may know different ones. Three rules keep
a worker from trusting one of them while another worker invalidates at the other:

- A server is the master only while a majority names it. Two majorities have a voter in common, and a voter that has
  named the new master does not name the former one again.
- A worker trusts a master only if a majority has named it within LEASE_SECONDS. So each worker asks all the time.
- Nobody uses a new master before SETTLING_SECONDS have passed. Then all trust in the former one has run out.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from time import monotonic
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infrastructure.redis.availability.handshake import REPLY_TIMEOUT_SECONDS, TRUST_SECONDS
from infrastructure.redis.topology.electorate import Ballot, Electorate, Named, NoMasterError, Place

ROUND_SECONDS = 0.3  # between two rounds of questions
MIN_PAUSE_SECONDS = 0.02  # between two rounds while somebody waits
LEASE_SECONDS = 1.0
SETTLING_SECONDS = LEASE_SECONDS + TRUST_SECONDS + REPLY_TIMEOUT_SECONDS + 0.1

T = TypeVar("T")


class Majority:
    """The votes of one worker. A task asks; `named` has the results by shard."""

    def __init__(self, electorate: Electorate) -> None:
        self.electorate = electorate
        self.named = [Named()] * electorate.shards
        self._handed_over: dict[int, tuple[Place, float]] = {}
        self._problem = ""  # of the last voter without an answer
        self._voters: dict[Place, Redis] = {}
        self._pending: dict[Place, asyncio.Task[Ballot | None]] = {}
        self._asked_at = -inf
        self._is_wanted, self._round_ended = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep_asking())
            self._task.add_done_callback(lambda _: self._round_ended.set())

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task:
            tasks = [task, *self._pending.values()]
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._admit(frozenset())

    async def ask(self) -> float:
        """Wait for a round that begins after the call, and return its begin. Callers share rounds."""
        called_at = monotonic()
        while self._asked_at < called_at:
            if self._task is None or self._task.done():
                raise NoMasterError("this worker stops")
            self._is_wanted.set()
            await self._round_ended.wait()
        return self._asked_at

    async def find(self, shard: int) -> Named:
        """Return the master that a majority names from now on. Raise NoMasterError if there is none."""
        began_at = await self.ask()
        named = self.named[shard]
        if named.asked_at < began_at:
            raise NoMasterError(f"no majority of the {self.electorate.name} names a master{self._problem}")
        return named

    def note_handover(self, shard: int, place: Place) -> None:
        """Note that this server says itself that another one has the shard. So it serves nobody any more."""
        self._handed_over[shard] = place, monotonic()

    async def _keep_asking(self) -> None:
        while True:
            self._is_wanted.clear()
            began_at = monotonic()
            with suppress(OSError, RedisError):
                if not await self._hold_round(began_at):
                    await self._hold_round(began_at)
            self._asked_at = began_at
            self._round_ended.set()
            self._round_ended = asyncio.Event()
            await asyncio.sleep(MIN_PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._is_wanted.wait()

    async def _hold_round(self, began_at: float) -> bool:
        """Ask all voters once. Return False if they name other voters: those have to be asked instead."""
        ballots = await self._collect()
        voters = self._winner([ballot.voters for ballot in ballots])
        if not ballots:
            voters = await self.electorate.first_voters()
        if voters and voters != self._voters.keys():
            await self._admit(voters)
            return False
        ended_at = monotonic()
        for shard, place in enumerate(self._winners(ballots)):
            if place:
                self.named[shard] = self._renewed(shard, place, began_at, ended_at)
        return True

    def _renewed(self, shard: int, place: Place, began_at: float, ended_at: float) -> Named:
        before = self.named[shard]
        if place != before.place:
            handed_over_by, handed_over_at = self._handed_over.pop(shard, (None, -inf))
            is_handover = handed_over_by == before.place and ended_at - handed_over_at < SETTLING_SECONDS
            return Named(place, -inf if is_handover else ended_at, began_at)
        is_gap = began_at - before.asked_at > LEASE_SECONDS
        return Named(place, ended_at if is_gap else before.since, began_at)

    async def _collect(self) -> list[Ballot]:
        """Return ballots until all masters are decided. A voter who is late may finish, but its answer is too old."""
        waiting = set[asyncio.Task[Ballot | None]]()
        for place, voter in self._voters.items():
            if place not in self._pending or self._pending[place].done():
                self._pending[place] = asyncio.create_task(self._ask_one(place, voter))
                waiting.add(self._pending[place])
        ballots, self._problem = list[Ballot](), ""
        while waiting and not (ballots and all(self._winners(ballots))):
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ballots += [ballot for task in done if (ballot := task.result())]
        return ballots

    async def _ask_one(self, place: Place, voter: Redis) -> Ballot | None:
        try:
            return await self.electorate.ask(place, voter)
        except (RedisError, OSError, ValueError, LookupError, TypeError) as error:  # the last three: not Redis
            self._problem = f"; {place[0]}:{place[1]}: {error}"
            return None

    def _winners(self, ballots: list[Ballot]) -> list[Place | None]:
        return [self._winner([ballot.masters[shard] for ballot in ballots]) for shard in range(len(self.named))]

    def _winner(self, votes: Sequence[T | None]) -> T | None:
        """Return the value that more than half of all voters name, or None."""
        for value, count in Counter(vote for vote in votes if vote).most_common(1):
            return value if 2 * count > len(self._voters) else None
        return None

    async def _admit(self, voters: frozenset[Place]) -> None:
        """Make these the voters."""
        for place in self._voters.keys() - voters:
            if task := self._pending.pop(place, None):
                task.cancel()
            await self._voters.pop(place).aclose()
        for place in voters - self._voters.keys():
            self._voters[place] = self.electorate.connect(place)
