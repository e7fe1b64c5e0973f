"""Supervision of the connection to Redis: connect, run the handshake, send heartbeats, detect outages, reconnect."""

import asyncio
from contextlib import suppress
from time import monotonic

import hiredis

from infrastructure.redis.availability import retry_pause
from infrastructure.redis.availability.handshake import CONNECTION_TIMEOUT_SECONDS, POLL_SECONDS
from infrastructure.redis.availability.heartbeats import SLOW, Heartbeats
from infrastructure.redis.connect import connect
from infrastructure.redis.connection import RedisConnection
from infrastructure.redis.failures import is_moving, keeps_connection
from infrastructure.redis.link import RedisLink
from infrastructure.redis.protocol import Pipeline

TICK_SECONDS = 0.1  # between two looks for overdue replies; a look sends nothing
START_TIMEOUT_SECONDS = 2.0


class RedisSupervisor(RedisLink):
    """Base class that owns the connection. The subclass sends the heartbeats."""

    def start(self) -> None:
        """Start to connect in the background. Return at once, even if Redis is down."""
        self._loop = asyncio.get_running_loop()
        self._master.start()
        self._task = self._loop.create_task(self._keep_connected())
        self._tick()

    async def wait_for_first_attempt(self) -> None:
        """Wait until the first attempt to connect has succeeded or failed, for two seconds after a master has settled.

        Call it before the worker serves: only the death of a member is noticed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_SECONDS + self._master.settling_seconds):
                await self._first_attempt_ended.wait()

    async def stop(self) -> None:
        """End the connection. Call it when no write is under way: the client leaves the members."""
        if self._timer:
            self._timer.cancel()
        await self._leave()
        self.is_up = False
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._master.stop()
        self._loop = None

    def _send_heartbeat(self) -> Pipeline:
        raise NotImplementedError

    async def _leave(self) -> None:
        raise NotImplementedError

    def _tick(self) -> None:
        if self._loop is None:
            return
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
        if self._is_reply_overdue():
            self._outage.on_waiting()
        self._check_master()
        if self.is_up:
            if self._heartbeats.is_due():
                self._heartbeats.note_sent(self._send_heartbeat())
            elif self._heartbeats.is_unjudged():
                self._loop.call_later(POLL_SECONDS, self._judge_latency)
        self._timer_ran_at = monotonic()

    def _check_master(self) -> None:
        """Take the client down unless a majority has just named its server. Leave it when another one is elected."""
        if not self._master.is_current(self._address):
            self.mark_down("no majority names it as the master", is_outage_possible=False)
        if self._connection and self._master.is_replaced(self._address):
            self._connection.abort()

    async def _keep_connected(self) -> None:
        while True:
            self._retry_pause.begin_attempt()
            started_at = monotonic()
            try:
                await self._ask_for_prefix()
                await self._serve_connection()
            except (OSError, hiredis.HiredisError) as error:
                is_refused = self._note_failure(started_at, error)
                if is_refused:
                    await asyncio.sleep(retry_pause.REFUSED_SECONDS)
                elif not isinstance(error, TimeoutError):
                    await self._retry_pause.wait()

    async def _ask_for_prefix(self) -> None:
        if self._find_prefix:
            prefix = await self._find_prefix()
            self.prefix = self._handshake.prefix = self._tag + prefix
            self._find_prefix = None
            self._log.note_prefix(prefix)

    async def _serve_connection(self) -> None:
        """Open one connection and keep it until it is lost. Raise the error that ends it."""
        self._use(await self._master.find())
        async with asyncio.timeout(CONNECTION_TIMEOUT_SECONDS):
            connection = await connect(
                self._address,
                lambda: RedisConnection(self._on_data, self._on_connection_lost),
                self._outage.on_waiting,
            )
        self._connection = connection
        try:
            while True:
                self._handshake_needed.clear()
                await self._join(connection)
                await self._handshake_needed.wait()
        finally:
            self.mark_down("connection lost")
            self._membership.note_possible_outage()
            self._connection = None
            connection.abort()

    async def _join(self, connection: RedisConnection) -> None:
        """Repeat the handshake until Redis acknowledges it in time. Raise the error if Redis rejects it.

        While Redis is full or slow, a right is missing, or a slot moves, the connection stays: writers delete their
        stamps over it.
        """
        is_up = False
        while not is_up:
            await self._master.settle(self._address)
            started_at = monotonic()
            try:
                is_up = await self._handshake.run(connection)
            except hiredis.ReplyError as error:
                if not keeps_connection(error):
                    raise
                self._note_failure(started_at, error)
                await (self._retry_pause.wait() if is_moving(error) else self._wait_for_repair())
            else:
                if not is_up:
                    self._first_attempt_ended.set()
                    self._log.note_away(self, SLOW)
                    await self._retry_pause.wait()
        self._be_up()

    async def _wait_for_repair(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(retry_pause.REFUSED_SECONDS):
                await self._handshake_needed.wait()

    def _be_up(self) -> None:
        self._outage.on_up()
        self._retry_pause.reset()
        self._heartbeats = Heartbeats()  # the next tick sends one
        self.is_up = True
        self._first_attempt_ended.set()
        self._log.note_up(self, self._address.place, self._address.db)
