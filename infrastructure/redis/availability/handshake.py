"""Handshake: the commands that Redis must acknowledge before a worker uses a connection."""

import asyncio

from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability.membership import MEMBERS, Membership
from infrastructure.redis.connection import RedisConnection
from infrastructure.redis.protocol import Key, Pipeline, SimpleCommand, Word, with_prefix

# A reply counts only if it was requested within this time after an acknowledged heartbeat was sent.
TRUST_SECONDS = 0.9
CONNECTION_TIMEOUT_SECONDS = 5.0  # after this silence the connection is replaced: its other end may be gone
# A worker with hundreds of concurrent requests may itself be late. A shorter timeout would mistake that for an outage.
REPLY_TIMEOUT_SECONDS = 0.6
SLOW_SECONDS = 0.1  # a slower Redis is left out: most reads of the database take less
POLL_SECONDS = 0.005  # long enough for the event loop to poll its sockets: a reply that is there is seen


class Handshake:
    """The handshake of one worker. It authenticates, checks the user's rights, and joins the members."""

    def __init__(self, address: RedisAddress, membership: Membership) -> None:
        self.prefix = ""
        self._membership = membership
        self._commands: list[tuple[Word, ...]] = []
        if address.username or address.password:
            self._commands.append(("AUTH", *filter(None, [address.username]), address.password))
        if address.db:  # a connection begins with database 0, and a user need not have the right to choose another
            self._commands.append(("SELECT", address.db))
        self._commands.append(("ZREM", Key(MEMBERS), ""))  # the right to leave the members

    def add(self, *words: Word) -> None:
        self._commands.append(words)

    async def run(self, connection: RedisConnection) -> bool:
        """Run the handshake once. Return False if Redis is too slow or this worker too late.

        Raise the error of the first command that Redis rejects, and TimeoutError after five seconds of silence.
        """
        commands = [
            SimpleCommand(*with_prefix(words, self.prefix)) for words in (*self._commands, self._membership.join())
        ]
        pipeline = Pipeline(commands)
        connection.send(pipeline)
        slow = await is_slow(pipeline)
        async with asyncio.timeout(CONNECTION_TIMEOUT_SECONDS):
            await pipeline.wait()
        for command in commands:
            command.result()
        if connection.is_closed or pipeline.age() > REPLY_TIMEOUT_SECONDS:
            return False
        self._membership.confirm(pipeline.sent_at, commands[-1].result())  # so that a slow one drops no stamp again
        return not slow


async def is_slow(pipeline: Pipeline) -> bool:
    """Wait for SLOW_SECONDS at most. Return True if there is no reply then.

    A reply that this worker itself reads too late is not slow: the second wait polls the sockets.
    """
    waiter = pipeline.wait()
    for seconds in (SLOW_SECONDS, POLL_SECONDS):
        await asyncio.wait([waiter], timeout=seconds)
        if waiter.done():
            return False
    return True
