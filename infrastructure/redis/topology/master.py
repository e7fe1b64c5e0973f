"""Masters: the server that a client uses."""

from typing import Protocol

from infrastructure.redis.address import RedisAddress


class MasterReplacedError(ConnectionError):
    """Another server has become the master, or none."""


class Master(Protocol):
    """The server that all workers use.

    `address` has the credentials, and the host and port of the last search. After an election, workers may trust the
    former master for `settling_seconds`; they are 0 if nobody elects.
    """

    address: RedisAddress
    settling_seconds: float

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def find(self) -> RedisAddress:
        """Return the present address. Raise OSError if nobody knows it."""

    async def settle(self, address: RedisAddress) -> None:
        """Wait until no worker trusts another server. Raise MasterReplacedError if this one is no longer the master."""

    def is_current(self, address: RedisAddress) -> bool:
        """Return True if the server at this address was the master a moment ago. Sends nothing."""

    def is_replaced(self, address: RedisAddress) -> bool:
        """Return True if a majority has last named another server. Sends nothing."""

    async def is_only(self, address: RedisAddress) -> bool:
        """Return True if no worker used another server at the time of the call, or trusts one now."""

    def note_handover(self, address: RedisAddress) -> None:
        """Note that the server at this address has handed over to another one, and serves nobody any more."""


class FixedMaster:
    """A server whose address is configured, so nobody can be served by another one."""

    settling_seconds = 0.0

    def __init__(self, address: RedisAddress) -> None:
        self.address = address

    def start(self) -> None:
        """Nothing has to run."""

    async def stop(self) -> None:
        """Nothing runs."""

    async def find(self) -> RedisAddress:
        return self.address

    async def settle(self, _address: RedisAddress) -> None:
        """There is no former master."""

    def is_current(self, _address: RedisAddress) -> bool:
        return True

    def is_replaced(self, _address: RedisAddress) -> bool:
        return False

    async def is_only(self, _address: RedisAddress) -> bool:
        return True

    def note_handover(self, _address: RedisAddress) -> None:
        """Ignore it. The server belongs to a cluster, and REDIS_CLUSTER is not set."""
