"""Nodes of a cluster: each names the owner of every slot, and all nodes."""

from collections.abc import Sequence

from redis.asyncio import Redis

from infrastructure.host_names import addresses_of
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.topology.electorate import Ballot, Place
from infrastructure.redis.topology.voter import Credentials, ask, connect_voter


class ClusterNodes:
    """All nodes, masters and replicas. The settings name the first one, or a host with the addresses of several."""

    name = "nodes of the cluster"

    def __init__(self, address: RedisAddress, slots: Sequence[int]) -> None:
        """Build the electorate whose shards are these slots."""
        self.shards = len(slots)
        self._address, self._slots = address, slots

    async def first_voters(self) -> frozenset[Place]:
        host, port = self._address.host, self._address.port
        if self._address.is_tls:  # the certificate has the name
            return frozenset([(host, port)])
        return frozenset((address, port) for address in await addresses_of(host))

    def connect(self, place: Place) -> Redis:
        return connect_voter(place, Credentials.of(self._address))

    async def ask(self, place: Place, voter: Redis) -> Ballot:
        ranges = await ask(voter, "CLUSTER", "SLOTS")
        nodes = {(node[0] or place[0], int(node[1])) for _, _, *nodes in ranges for node in nodes}
        owners = {
            slot: (owner[0] or place[0], int(owner[1]))
            for first, last, owner, *_ in ranges
            for slot in self._slots
            if first <= slot <= last
        }
        return Ballot([owners.get(slot) for slot in self._slots], frozenset(nodes))
