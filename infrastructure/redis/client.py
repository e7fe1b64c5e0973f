"""The Redis client of one worker. All requests share one connection, and each reply is known to be trusted or not.

A cached response can be trusted even if a writer could not invalidate it, for this reason. Each worker sends a write to
Redis three times a second. A writer without an acknowledgement answers only after Redis has been silent for
OUTAGE_SECONDS. In that time every worker misses a heartbeat. A reply counts only if it was requested within
TRUST_SECONDS after an acknowledged heartbeat was sent, and arrives within REPLY_TIMEOUT_SECONDS; their sum is less than
OUTAGE_SECONDS. After a missed heartbeat, the client is up again only when Redis has acknowledged a new handshake, and
the first handshake after an outage drops all responses cached before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import hiredis

from config.redis_address import RedisAddress
from infrastructure.redis.failures import explain
from infrastructure.redis.handshake import POLL_SECONDS, REPLY_TIMEOUT_SECONDS
from infrastructure.redis.outage import PATIENCE_SECONDS
from infrastructure.redis.protocol import Command, Pipeline, RedisDownError, SimpleCommand, Word, with_prefix
from infrastructure.redis.supervisor import RedisSupervisor

TRUST_SECONDS = 0.9


class RedisClient(RedisSupervisor):
    """A pipelined client. Commands of one tick of the event loop leave in one write."""

    def __init__(self, address: RedisAddress, find_prefix: Callable[[], Awaitable[str]] | None = None) -> None:
        super().__init__(address, find_prefix)
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
        command = SimpleCommand(*with_prefix(words, self.prefix))
        await self.enqueue(command).wait()
        return command.result()

    async def execute_reliably(self, *words: Word) -> bool:
        """Retry the command until Redis acknowledges it, and then return True.

        Return False if that is impossible. Then no worker trusts older cached responses: Redis has been silent, or
        nothing has answered at its address, for OUTAGE_SECONDS. Other failures may concern this worker only: then the
        client gives up after PATIENCE_SECONDS, counted from the first of these failures. So only the first writes of an
        outage wait. Return False at once if the client is not running: then this process serves nobody.
        """
        if self._loop is None:
            return False
        started_at = monotonic()
        waiter: asyncio.Future[Any] | None = None
        self._retry_pause.cut_short()
        while True:
            if waiter is None and not self._outage.is_silent():
                waiter = self._send_now(words)
            # This polls the sockets, so a reply that is already there is seen before the outage is judged.
            await (asyncio.wait([waiter], timeout=POLL_SECONDS) if waiter else asyncio.sleep(POLL_SECONDS))
            if waiter and waiter.done():
                if not isinstance(waiter.result(), Exception):
                    return True
                waiter = None
                await asyncio.sleep(POLL_SECONDS)
            if self._is_hopeless(started_at, is_waiting=waiter is not None):
                self._membership.note_undropped(started_at)
                self.mark_down("it does not execute commands")
                return False

    def _is_hopeless(self, started_at: float, is_waiting: bool) -> bool:
        """Return True if a write that started then need not wait any longer. `is_waiting` for a reply is hope."""
        if monotonic() - started_at > PATIENCE_SECONDS or self._outage.is_silent():
            return True
        return not is_waiting and self._outage.is_over_for_this_worker(started_at)

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
            return execution.result(2 * PATIENCE_SECONDS)
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

    def _send_now(self, words: tuple[Word, ...]) -> asyncio.Future[Any] | None:
        """Send the command even while down: Redis may execute it late, and may be up for other workers.

        The result of the future is the reply, or an exception.
        """
        connection = self._connection
        if connection is None or connection.is_closed:
            return None
        command = _AwaitedCommand(*with_prefix(words, self.prefix))
        connection.send(Pipeline([command]))
        return command.replied

    def _send_heartbeat(self) -> Pipeline:
        return _Heartbeat(self, self._membership.heartbeat()).pipeline

    def on_heartbeat_reply(self, sent_at: float, reply: Any) -> None:
        """Record an acknowledged heartbeat. Take the client down if it was rejected, or sent too late."""
        if isinstance(reply, RedisDownError):
            return
        if isinstance(reply, Exception):
            self.mark_down(explain(reply, is_tls=self._address.is_tls, was_up=True).explanation)
        elif sent_at - self._membership.confirmed_at > TRUST_SECONDS:
            self.mark_down("this worker sent its heartbeat too late", is_outage_possible=False)
        elif not reply:
            self.mark_down("this worker is no longer a member")
        else:
            self._membership.confirm(sent_at, reply)


class _AwaitedCommand(SimpleCommand):
    """A command with a future for its reply."""

    __slots__ = ("replied",)

    def __init__(self, *words: Word) -> None:
        super().__init__(*words)
        self.replied: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def resolve(self, reply: Any) -> None:
        if not self.replied.done():
            self.replied.set_result(reply)


class _Heartbeat(SimpleCommand):
    """A heartbeat on its way. It reports its reply to the client."""

    __slots__ = ("_client", "pipeline")

    def __init__(self, client: RedisClient, words: tuple[Word, ...]) -> None:
        super().__init__(*with_prefix(words, client.prefix))
        self._client = client
        self.pipeline = client.enqueue(self)

    def resolve(self, reply: Any) -> None:
        self._client.on_heartbeat_reply(self.pipeline.sent_at, reply)
