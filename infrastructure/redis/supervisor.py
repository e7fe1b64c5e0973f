"""Keeps a connection to Redis, and tells whether Redis is there: connects, greets, watches, and connects again."""

import asyncio
import logging
import random
from contextlib import suppress
from time import monotonic

import hiredis

from config.settings import RedisAddress
from infrastructure.redis.connect import reach
from infrastructure.redis.outage import OutageDetector
from infrastructure.redis.protocol import Pipeline, RedisConnection, RedisDownError, SimpleCommand, Word

logger = logging.getLogger(__name__)

BEAT = 0.1
DEADLINE = 0.6  # a worker with hundreds of requests at once may be late itself, and must not take that for an outage
GIVE_UP = 5.0  # a silent connection is replaced then: its other end may not exist any more
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
# A write, because a Redis that only reads (a replica, a full disk) would leave dropped answers in place.
HEARTBEAT: tuple[Word, ...] = ("UNLINK", "heartbeat")


class RedisSupervisor:
    def __init__(self, address: RedisAddress) -> None:
        self.is_up = False
        self._address = address
        self._handshake: list[tuple[Word, ...]] = [("SELECT", address.db), HEARTBEAT]
        if address.password:
            self._handshake.insert(0, ("AUTH", address.password))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._connection: RedisConnection | None = None
        self._last_heartbeat_at = 0.0  # when the newest heartbeat that Redis has acknowledged was sent
        self._outage = OutageDetector()
        self._is_outage_told = False
        self._pause = SHORTEST_PAUSE
        self._doubt = asyncio.Event()
        self._wake = asyncio.Event()

    def add_handshake_command(self, *words: Word) -> None:
        """A command that Redis must have acknowledged, at each greeting, before the link is up. For before `start`."""
        self._handshake.append(words)

    def start(self) -> None:
        """Returns at once, whether Redis can be reached or not."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._keep_connected())
        self._beat()

    async def stop(self) -> None:
        self.is_up = False
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._loop = None

    def distrust(self, reason: str) -> None:
        """Takes the link down until a new greeting is acknowledged. All that wait fail at once."""
        if not self.is_up:
            return
        self.is_up = False
        self._tell_outage(reason)
        if self._connection:
            self._connection.give_up(RedisDownError(reason))
        self._doubt.set()

    def _send_heartbeat(self) -> None:
        raise NotImplementedError

    def _beat(self) -> None:
        if self._loop is None:
            return
        self._timer = self._loop.call_later(BEAT, self._beat)
        if self._connection and self._connection.silence() > DEADLINE:
            self._outage.waits()
            self.distrust(f"no answer in {DEADLINE} s")
        elif self.is_up:
            self._send_heartbeat()

    def _heard(self) -> None:
        self._outage.heard()
        if self._connection and self._connection.silence() > DEADLINE:
            self.distrust(f"no answer in {DEADLINE} s")

    def _lost(self) -> None:
        self.distrust("connection lost")
        self._doubt.set()

    async def _keep_connected(self) -> None:
        while True:
            self._wake.clear()
            begun = monotonic()
            try:
                await self._serve()
            except (OSError, hiredis.HiredisError) as error:
                self._outage.failed(begun, error)
                self._tell_outage(str(error) or type(error).__name__)
                if not isinstance(error, TimeoutError):
                    await self._rest()

    async def _rest(self) -> None:
        """Not all workers knock at the same moment; a writer who must know cuts it short."""
        pause = self._pause * random.uniform(0.5, 1)  # noqa: S311 # no secret
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()

    async def _serve(self) -> None:
        """One connection, from its making to its loss; raises what ended it."""
        async with asyncio.timeout(GIVE_UP):
            connection = await reach(
                self._address, lambda: RedisConnection(self._heard, self._lost), self._outage.waits
            )
        self._connection = connection
        try:
            while True:
                self._doubt.clear()
                await self._run_handshake(connection)
                await self._doubt.wait()
        finally:
            self.distrust("connection lost")
            self._connection = None
            connection.abort()

    async def _run_handshake(self, connection: RedisConnection) -> None:
        """Until a greeting is acknowledged in time; raises what Redis has against it."""
        while True:
            commands = [SimpleCommand(*words) for words in self._handshake]
            pipeline = Pipeline(commands)
            connection.send(pipeline)
            async with asyncio.timeout(GIVE_UP):
                await pipeline.wait()
            for command in commands:
                command.result()
            if monotonic() - pipeline.sent_at <= DEADLINE and not connection.is_closed:
                break
        self._last_heartbeat_at = pipeline.sent_at
        self._pause = SHORTEST_PAUSE
        self._is_outage_told = False
        self.is_up = True
        logger.info("Redis is up: %s:%d", self._address.host, self._address.port)

    def _tell_outage(self, reason: str) -> None:
        if not self._is_outage_told:
            self._is_outage_told = True
            logger.warning("Redis is away: %s", reason)
