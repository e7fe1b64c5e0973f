"""Elections of masters: the voters, their ballots, and the results."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple, Protocol

from redis.asyncio import Redis

Place = tuple[str, int]
"""Host and port."""


class NoMasterError(ConnectionError):
    """No majority names a master."""


class Ballot(NamedTuple):
    """Answer of one voter: the master of each shard, and all voters that it knows."""

    masters: Sequence[Place | None]
    voters: frozenset[Place]


class Electorate(Protocol):
    """The voters: Sentinels, or nodes of a cluster. `name` is for log lines."""

    name: str
    shards: int

    async def first_voters(self) -> frozenset[Place]:
        """Return the configured voters. Their ballots may name others. Raise OSError if a host name has no address."""

    def connect(self, place: Place) -> Redis: ...

    async def ask(self, place: Place, voter: Redis) -> Ballot:
        """Return the answer. Raise RedisError or OSError without one, ValueError with the remedy."""


class Named(NamedTuple):
    """The master of a shard: named without a gap since `since`, and last in the round that began at `asked_at`."""

    place: Place | None = None
    since: float = -inf
    asked_at: float = -inf
