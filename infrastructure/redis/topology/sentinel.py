"""Sentinels: they name the master of a group of servers, and choose another one when it fails."""

from collections.abc import Sequence

from redis.asyncio import Redis

from infrastructure.redis.topology.electorate import Ballot, Place
from infrastructure.redis.topology.voter import Credentials, ask, connect_voter


class Sentinels:
    """The Sentinels of the settings. `master_name` is the name of the group."""

    name, shards = "Sentinels", 1

    def __init__(self, places: Sequence[Place], master_name: str, credentials: Credentials) -> None:
        self._voters, self._master_name, self._credentials = frozenset(places), master_name, credentials

    async def first_voters(self) -> frozenset[Place]:
        return self._voters

    def connect(self, place: Place) -> Redis:
        return connect_voter(place, self._credentials)

    async def ask(self, _place: Place, voter: Redis) -> Ballot:
        found = await ask(voter, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._master_name)
        if found is None:
            raise ValueError(f"it knows no master {self._master_name}: correct REDIS_SENTINEL_MASTER")
        return Ballot([(found[0], int(found[1]))], self._voters)
