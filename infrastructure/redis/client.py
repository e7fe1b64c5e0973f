"""The Redis client of one worker. All requests share one connection, and each reply is known to be trusted or not.

A cached response can be trusted even if a writer could not invalidate it, for this reason. Each worker sends a write to
Redis three times a second. A writer without an acknowledgement answers only after Redis has been silent for
OUTAGE_SECONDS. In that time every worker misses a heartbeat. A reply counts only if it was requested within
TRUST_SECONDS after an acknowledged heartbeat was sent, and arrives within REPLY_TIMEOUT_SECONDS; their sum is less than
OUTAGE_SECONDS. After a missed heartbeat, the client is up again only when Redis has acknowledged a new handshake, and
the first handshake after an outage drops all responses cached before.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

import hiredis

from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability.handshake import REPLY_TIMEOUT_SECONDS, TRUST_SECONDS
from infrastructure.redis.availability.outage_log import OutageLog
from infrastructure.redis.link import FindPrefix
from infrastructure.redis.protocol import Command, Pipeline, RedisDownError, SimpleCommand, Word, with_prefix
from infrastructure.redis.reliable import FromThread, ReliableSupervisor
from infrastructure.redis.topology.master import Master


class Redis(Protocol):
    """The interface of the service to Redis: a client, or several that share cache entries and addresses."""

    @property
    def is_up(self) -> bool: ...

    @property
    def shards(self) -> Sequence["RedisClient"]: ...

    def shard_of(self, name: str) -> "RedisClient":
        """Return the client for a cache entry or an address of the limiter. All workers find the same one."""

    def add_handshake_command(self, *words: Word) -> None: ...

    def start(self) -> None: ...

    async def wait_for_first_attempt(self) -> None: ...

    async def stop(self) -> None: ...

    async def execute_reliably(self, *words: Word) -> bool:
        """Execute the command on all shards."""

    def execute_reliably_from_thread(self, *words: Word) -> bool: ...


class RedisClient(ReliableSupervisor, FromThread):
    """A pipelined client. Commands of one tick of the event loop leave in one write."""

    def __init__(
        self,
        server: RedisAddress | Master,
        find_prefix: FindPrefix | None = None,
        log: OutageLog | None = None,
        tag: str = "",
    ) -> None:
        super().__init__(server, find_prefix, log, tag)
        self.shards = (self,)
        self._open: Pipeline | None = None

    def shard_of(self, _name: str) -> "RedisClient":
        return self

    def enqueue(self, command: Command) -> Pipeline:
        """Add the command to the pipeline that leaves after this tick. Raise RedisDownError at once while down."""
        pipeline = self._open
        if pipeline is None:
            if not self.is_up or self._loop is None:
                raise RedisDownError("Redis is away")
            pipeline = self._open = Pipeline()
            self._loop.call_soon(self._flush)
        pipeline.commands.append(command)
        return pipeline

    async def call(self, *words: Word) -> Any:
        """Return the reply. Raise RedisDownError without a reply in time, hiredis.ReplyError for an error reply."""
        command = SimpleCommand(*with_prefix(words, self.prefix))
        await self.enqueue(command).wait()
        return command.result()

    async def execute_reliably(self, *words: Word) -> bool:
        """Execute the command, or return False if no worker trusts older cached responses: see `keep_trying`."""
        return await execute_on(self.shards, words)

    async def stop(self) -> None:
        await super().stop()
        self._flush()

    async def _leave(self) -> None:
        """Leave the members. If the command is lost, other workers count this one as dead. That is safe."""
        with suppress(RedisDownError, hiredis.HiredisError, TimeoutError):
            async with asyncio.timeout(REPLY_TIMEOUT_SECONDS):
                await self.call(*self._membership.leave())

    def _flush(self) -> None:
        pipeline, self._open = self._open, None
        if pipeline is None:
            return
        pipeline.is_trusted = monotonic() - self._membership.confirmed_at <= TRUST_SECONDS
        connection = self._connection if self.is_up else None
        if connection and not connection.is_closed:
            connection.send(pipeline)
        else:
            pipeline.pack()
            pipeline.fail(RedisDownError("Redis is away"))

    def _send_heartbeat(self) -> Pipeline:
        return _Heartbeat(self, self._membership.heartbeat()).pipeline

    def on_heartbeat_reply(self, sent_at: float, reply: Any) -> None:
        """Record an acknowledged heartbeat. Take the client down if it was rejected, or sent too late."""
        if isinstance(reply, RedisDownError):
            return
        if isinstance(reply, Exception):
            self.mark_down(self._explain(reply).explanation)
        elif sent_at - self._membership.confirmed_at > TRUST_SECONDS:
            self.mark_down("this worker sent its heartbeat too late", is_outage_possible=False)
        elif not reply:
            self.mark_down("this worker is no longer a member")
        else:
            self._membership.confirm(sent_at, reply)


async def execute_on(clients: Sequence[RedisClient], words: tuple[Word, ...]) -> bool:
    """Execute the command with each client. Those whose first attempt fails keep trying."""
    started_at = monotonic()
    attempts = [(client, _Attempt(client, words)) for client in clients]
    failed = [client for client, attempt in attempts if not await attempt.is_acknowledged()]
    return all(await asyncio.gather(*(client.keep_trying(words, started_at) for client in failed)))


class _Attempt(SimpleCommand):
    """A command that leaves with the next pipeline."""

    __slots__ = ("_pipeline",)

    def __init__(self, client: RedisClient, words: tuple[Word, ...]) -> None:
        super().__init__(*with_prefix(words, client.prefix))
        self._pipeline: Pipeline | None = None
        with suppress(RedisDownError):
            self._pipeline = client.enqueue(self)

    async def is_acknowledged(self) -> bool:
        """Wait for the reply. It is an acknowledgement only if the client trusts the server."""
        if self._pipeline is None:
            return False
        if not self._pipeline.is_done:
            await self._pipeline.wait()
        return self._pipeline.is_trusted and not isinstance(self.reply, Exception)


class _Heartbeat(SimpleCommand):
    """A heartbeat on its way. It reports its reply to the client."""

    __slots__ = ("_client", "pipeline")

    def __init__(self, client: RedisClient, words: tuple[Word, ...]) -> None:
        super().__init__(*with_prefix(words, client.prefix))
        self._client = client
        self.pipeline = client.enqueue(self)

    def resolve(self, reply: Any) -> None:
        self._client.on_heartbeat_reply(self.pipeline.sent_at, reply)
