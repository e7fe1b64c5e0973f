"""The Redis client of one worker. All requests share one connection, and each reply is known to be trusted or not.

A cached response can be trusted even if a writer could not invalidate it, for this reason. Each worker sends a write to
Redis ten times a second. A writer without an acknowledgement answers only after Redis has been silent for
OUTAGE_SECONDS. In that time every worker misses a heartbeat. A reply counts only if it was requested within
TRUST_SECONDS after an acknowledged heartbeat was sent, and arrives within REPLY_TIMEOUT_SECONDS; their sum is less than
OUTAGE_SECONDS. After a missed heartbeat, the client is up again only when Redis has acknowledged a new handshake, and
the first handshake after an outage drops all responses cached before.
"""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Any

import hiredis

from config.settings import RedisAddress
from infrastructure.redis.protocol import Command, Pipeline, RedisDownError, SimpleCommand, Word
from infrastructure.redis.supervisor import REPLY_TIMEOUT_SECONDS, RedisSupervisor

TRUST_SECONDS = 0.9
# Limit of `execute_reliably` while Redis sends data but does not execute the command.
RELIABLE_TIMEOUT_SECONDS = 2.5
POLL_SECONDS = 0.005


class RedisClient(RedisSupervisor):
    """A pipelined client. Commands of one tick of the event loop leave in one write."""

    def __init__(self, address: RedisAddress) -> None:
        super().__init__(address)
        self._open: Pipeline | None = None

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
        command = SimpleCommand(*words)
        await self.enqueue(command).wait()
        return command.result()

    async def execute_reliably(self, *words: Word) -> bool:
        """Retry the command until Redis acknowledges it, and then return True.

        Return False if that is impossible. Then no worker trusts older cached responses: Redis is down, or has been
        silent for OUTAGE_SECONDS. Otherwise the client gives up after RELIABLE_TIMEOUT_SECONDS. Return False at once if
        the client is not running: then this process serves nobody.
        """
        if self._loop is None:
            return False
        started_at, command = monotonic(), SimpleCommand(*words)
        waiter: asyncio.Future[None] | None = None
        self._retry_pause.cut_short()
        while True:
            if waiter is None and not self._outage.is_silent():
                waiter = self._send_now(command)
            # This polls the sockets, so a reply that is already there is seen before the outage is judged.
            await (asyncio.wait([waiter], timeout=POLL_SECONDS) if waiter else asyncio.sleep(POLL_SECONDS))
            if waiter and waiter.done():
                if not isinstance(command.reply, Exception):
                    return True
                waiter = None
                await asyncio.sleep(POLL_SECONDS)
            is_late = monotonic() - started_at > RELIABLE_TIMEOUT_SECONDS
            if is_late or self._outage.is_outage_proven(started_at):
                self._membership.note_undropped(started_at)
                self.mark_down("it does not execute commands")
                return False

    def execute_reliably_from_thread(self, *words: Word) -> bool:
        """Run `execute_reliably` from a thread. Return False also if the client is not running.

        Raise RuntimeError on the event loop, because it would wait for itself.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            return False
        if loop is asyncio._get_running_loop():
            raise RuntimeError("the event loop would wait for itself")
        execution = asyncio.run_coroutine_threadsafe(self.execute_reliably(*words), loop)
        try:
            return execution.result(2 * RELIABLE_TIMEOUT_SECONDS)
        except TimeoutError:  # the loop has stopped, so this worker answers no requests any more
            return False

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

    def _send_now(self, command: SimpleCommand) -> asyncio.Future[None] | None:
        """Send the command even while down: Redis may execute it late, and may be up for other workers."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return None
        pipeline = Pipeline([command])
        connection.send(pipeline)
        return pipeline.wait()

    def _send_heartbeat(self) -> None:
        _Heartbeat(self, self._membership.heartbeat())

    def on_heartbeat_reply(self, sent_at: float, reply: Any) -> None:
        """Record an acknowledged heartbeat. Take the client down if it was rejected, or sent too late."""
        if isinstance(reply, RedisDownError):
            return
        if isinstance(reply, Exception):
            self.mark_down(str(reply))
        elif sent_at - self._membership.confirmed_at > TRUST_SECONDS:
            self.mark_down("this worker sent its heartbeat too late", is_outage_possible=False)
        elif not reply:
            self.mark_down("this worker is no longer a member")
        else:
            self._membership.confirm(sent_at, reply)


class _Heartbeat(SimpleCommand):
    """A heartbeat on its way. It reports its reply to the client."""

    __slots__ = ("_client", "_pipeline")

    def __init__(self, client: RedisClient, words: tuple[Word, ...]) -> None:
        super().__init__(*words)
        self._client = client
        self._pipeline = client.enqueue(self)

    def resolve(self, reply: Any) -> None:
        self._client.on_heartbeat_reply(self._pipeline.sent_at, reply)
