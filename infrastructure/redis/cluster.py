"""Client of a cluster. It uses the cluster as several independent Redis servers, its shards.

All keys of a shard have one hash tag, so they are in one slot, on one node, and move together. A shard has stamps,
members and limits of its own. So each shard is served by an ordinary client, and all that holds for a single server
holds for a shard: the cache protocol, scripts with several keys, and outages.
"""

import asyncio
from zlib import crc32

from redis.crc import key_slot

from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability.outage_log import OutageLog
from infrastructure.redis.client import RedisClient, execute_on
from infrastructure.redis.link import FindPrefix
from infrastructure.redis.protocol import Word
from infrastructure.redis.reliable import FromThread
from infrastructure.redis.topology.cluster_nodes import ClusterNodes
from infrastructure.redis.topology.elected_master import ElectedMaster
from infrastructure.redis.topology.majority import Majority

# Hash tags whose slots are evenly spread, so that 1, 2, 3, 4, 6 or 12 masters with equal ranges have equally many.
TAGS = ("117", "69", "58", "116", "68", "59", "111", "9", "56", "110", "39", "57")
SLOTS = tuple(key_slot(tag.encode()) for tag in TAGS)


def shard_prefix(tag: str, prefix: str) -> str:
    """Return the begin of all keys of a shard."""
    return f"{{{tag}}}{prefix}"


def shard_number(name: str) -> int:
    """Return the shard of a cache entry or an address of the limiter. It is the same in all workers."""
    return crc32(name.encode()) % len(TAGS)


class RedisCluster(FromThread):
    """One client for each shard. It has the interface of a client, except for single commands."""

    def __init__(self, address: RedisAddress, find_prefix: FindPrefix) -> None:
        """Build a client that starts at the node, or the nodes, at this address."""
        majority, find_prefix = Majority(ClusterNodes(address, SLOTS)), _asking_once(find_prefix)
        log = OutageLog("Redis cluster")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.shards = tuple(
            RedisClient(ElectedMaster(majority, shard, address), find_prefix, log, shard_prefix(tag, ""))
            for shard, tag in enumerate(TAGS)
        )

    @property
    def is_up(self) -> bool:
        """True if all shards are up."""
        return all(shard.is_up for shard in self.shards)

    def shard_of(self, name: str) -> RedisClient:
        return self.shards[shard_number(name)]

    def add_handshake_command(self, *words: Word) -> None:
        for shard in self.shards:
            shard.add_handshake_command(*words)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for shard in self.shards:
            shard.start()

    async def wait_for_first_attempt(self) -> None:
        await asyncio.gather(*(shard.wait_for_first_attempt() for shard in self.shards))

    async def stop(self) -> None:
        await asyncio.gather(*(shard.stop() for shard in self.shards))
        self._loop = None

    async def execute_reliably(self, *words: Word) -> bool:
        """Execute the command on each shard: lists of a resource are spread, and a stamp that is not there is none."""
        return await execute_on(self.shards, words)


def _asking_once(find_prefix: FindPrefix) -> FindPrefix:
    """Return a function for all shards. The first call that succeeds is the last one."""
    lock, found = asyncio.Lock(), list[str]()

    async def find() -> str:
        async with lock:
            if not found:
                found.append(await find_prefix())
            return found[0]

    return find
