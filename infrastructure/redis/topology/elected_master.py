"""A master that a majority names: that of a Sentinel's group, or the owner of a slot of a cluster."""

import asyncio
from time import monotonic

from infrastructure.redis.address import RedisAddress
from infrastructure.redis.topology.electorate import NoMasterError
from infrastructure.redis.topology.majority import LEASE_SECONDS, SETTLING_SECONDS, Majority
from infrastructure.redis.topology.master import MasterReplacedError


class ElectedMaster:
    settling_seconds = SETTLING_SECONDS

    def __init__(self, majority: Majority, shard: int, address: RedisAddress) -> None:
        """Build the master of one shard. `address` has the credentials, equal for all servers."""
        self.address = address
        self._majority, self._shard = majority, shard

    def start(self) -> None:
        self._majority.start()

    async def stop(self) -> None:
        await self._majority.stop()

    async def find(self) -> RedisAddress:
        host, port = (await self._majority.find(self._shard)).place or ("", 0)
        self.address = self.address._replace(host=host, port=port)
        return self.address

    async def settle(self, address: RedisAddress) -> None:
        await asyncio.sleep(max(0.0, self._unsettled_seconds()))
        if not await self.is_only(address):
            raise MasterReplacedError("no majority names it as the master any more")

    def is_current(self, address: RedisAddress) -> bool:
        named = self._majority.named[self._shard]
        return self._is_named(address) and monotonic() - named.asked_at <= LEASE_SECONDS

    def is_replaced(self, address: RedisAddress) -> bool:
        named = self._majority.named[self._shard].place
        return named is not None and not self._is_named(address)

    async def is_only(self, address: RedisAddress) -> bool:
        try:
            found = await self.find()
        except NoMasterError:
            return False
        return found == address and self._unsettled_seconds() <= 0

    def note_handover(self, address: RedisAddress) -> None:
        self._majority.note_handover(self._shard, (address.host, address.port))

    def _is_named(self, address: RedisAddress) -> bool:
        return self._majority.named[self._shard].place == (address.host, address.port)

    def _unsettled_seconds(self) -> float:
        return self._majority.named[self._shard].since + SETTLING_SECONDS - monotonic()
