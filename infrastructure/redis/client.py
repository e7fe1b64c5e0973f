"""A worker's link to Redis: all its requests share one connection, and know whether what they read can be trusted.

Why an answer from the cache can be trusted although a writer may have been unable to drop it: ten times a second the
link writes to Redis. A writer that gets no acknowledgement does not answer before Redis has served nobody for
`OUTAGE` seconds. In that time every link misses a heartbeat of its own: what it reads counts only within `TRUST`
seconds after an acknowledged heartbeat was sent and only when it comes within `DEADLINE`, together less than `OUTAGE`.
And a link that has missed one is not up again before Redis has acknowledged its greeting, which drops everything that
was cached until then.
"""

import asyncio
from time import monotonic
from typing import Any

from config.settings import RedisAddress
from infrastructure.redis.protocol import Command, Pipeline, RedisDownError, SimpleCommand, Word
from infrastructure.redis.supervisor import HEARTBEAT, RedisSupervisor

TRUST = 0.9
INSIST = 2.5  # how long `execute_reliably` tries while Redis neither does what it is told nor is silent
POLL = 0.005


class RedisClient(RedisSupervisor):
    def __init__(self, address: RedisAddress) -> None:
        super().__init__(address)
        self._open: Pipeline | None = None

    def enqueue(self, command: Command) -> Pipeline:
        """Puts the command on the pipeline that leaves after this tick. Raises RedisDownError at once while down."""
        pipeline = self._open
        if pipeline is None:
            if not self.is_up or self._loop is None:
                raise RedisDownError("Redis is away")
            pipeline = self._open = Pipeline()
            self._loop.call_soon(self._flush)
        pipeline.commands.append(command)
        return pipeline

    async def call(self, *words: Word) -> Any:
        """The reply. Raises RedisDownError when there is none in time, hiredis.ReplyError for an error."""
        command = SimpleCommand(*words)
        await self.enqueue(command).wait()
        return command.result()

    async def execute_reliably(self, *words: Word) -> bool:
        """True when Redis has done it. False when that could not be had: then no link, of whatever worker, trusts
        what was cached before, because Redis is gone, or has been silent long enough for all to notice.
        """
        begun, command = monotonic(), SimpleCommand(*words)
        waiter: asyncio.Future[None] | None = None
        self._wake.set()
        while True:
            if waiter is None and not self._outage.is_silent():
                waiter = self._post(command)
            # This looks at the sockets: a reply that had come before the call is known afterwards.
            await (asyncio.wait([waiter], timeout=POLL) if waiter else asyncio.sleep(POLL))
            if waiter and waiter.done():
                if not isinstance(command.reply, Exception):
                    return True
                waiter = None
                await asyncio.sleep(POLL)
            if self._outage.is_proven(begun):
                return False
            if monotonic() - begun > INSIST:
                self.distrust("it does not do what it is told")
                return False

    def execute_reliably_from_thread(self, *words: Word) -> bool:
        """`execute_reliably` for threads. False as well when the link does not run."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return False
        if loop is asyncio._get_running_loop():
            raise RuntimeError("the event loop would wait for itself")
        delivery = asyncio.run_coroutine_threadsafe(self.execute_reliably(*words), loop)
        try:
            return delivery.result(2 * INSIST)
        except TimeoutError:  # the loop has stopped: this worker answers nobody any more
            return False

    async def stop(self) -> None:
        await super().stop()
        self._flush()

    def _flush(self) -> None:
        pipeline, self._open = self._open, None
        if pipeline is None:
            return
        pipeline.is_trusted = monotonic() - self._last_heartbeat_at <= TRUST
        connection = self._connection if self.is_up else None
        if connection and not connection.is_closed:
            connection.send(pipeline)
        else:
            pipeline.pack()
            pipeline.fail(RedisDownError("Redis is away"))

    def _post(self, command: SimpleCommand) -> asyncio.Future[None] | None:
        """Sent even while the link is down: Redis may do it late, and for others it may be up."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return None
        pipeline = Pipeline([command])
        connection.send(pipeline)
        return pipeline.wait()

    def _send_heartbeat(self) -> None:
        _Heartbeat(self)

    def acknowledge(self, sent_at: float, reply: Any) -> None:
        """A heartbeat's end. One that was late to start is no better than one without an answer."""
        if isinstance(reply, RedisDownError):
            return
        if isinstance(reply, Exception):
            self.distrust(str(reply))
        elif sent_at - self._last_heartbeat_at > TRUST:
            self.distrust("this worker was too slow to watch it")
        else:
            self._last_heartbeat_at = sent_at


class _Heartbeat(SimpleCommand):
    __slots__ = ("_link", "_pipeline")

    def __init__(self, link: RedisClient) -> None:
        super().__init__(*HEARTBEAT)
        self._link = link
        self._pipeline = link.enqueue(self)

    def resolve(self, reply: Any) -> None:
        self._link.acknowledge(self._pipeline.sent_at, reply)
