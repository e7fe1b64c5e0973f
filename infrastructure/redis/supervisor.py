"""Supervision of the connection to Redis: connect, run the handshake, send heartbeats, detect outages, reconnect."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from time import monotonic

import hiredis

from config.redis_address import RedisAddress
from infrastructure.observability.metrics import metrics
from infrastructure.redis import retry_pause
from infrastructure.redis.connect import connect
from infrastructure.redis.connection import RedisConnection
from infrastructure.redis.failures import explain, keeps_connection
from infrastructure.redis.handshake import (
    CONNECTION_TIMEOUT_SECONDS,
    POLL_SECONDS,
    REPLY_TIMEOUT_SECONDS,
    SLOW_SECONDS,
    Handshake,
)
from infrastructure.redis.membership import Membership
from infrastructure.redis.outage import OutageDetector
from infrastructure.redis.protocol import Pipeline, RedisDownError, Word
from infrastructure.redis.retry_pause import RetryPause

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1  # between two looks for overdue replies; a look sends nothing
HEARTBEAT_SECONDS = 0.3  # with 0.4 s, a reply after 0.6 s would come too late for the trust of 0.9 s
SLOW_HEARTBEATS = 3  # consecutive ones, so that one pause of Redis or the worker costs nothing
SLOW = f"it is slow: {SLOW_HEARTBEATS} heartbeats without a reply within {SLOW_SECONDS} s"
START_TIMEOUT_SECONDS = 2.0


class RedisSupervisor:
    """Base class that owns the connection and its state `is_up`. The subclass sends the heartbeats."""

    def __init__(self, address: RedisAddress, find_prefix: Callable[[], Awaitable[str]] | None = None) -> None:
        """Build a client that is down. It asks `find_prefix` before its first connection, and stays down until then.

        `find_prefix` raises OSError if it cannot tell the prefix yet. Without it, keys have no prefix.
        """
        self.is_up = False
        self.prefix = ""
        self._find_prefix = find_prefix
        self._address = address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ran_at = 0.0
        self._heartbeat: Pipeline | None = None  # the newest
        self._heartbeat_at = -inf
        self._is_latency_judged = False
        self._late_heartbeats = 0
        self._connection: RedisConnection | None = None
        self._membership = Membership()
        self._handshake = Handshake(address, self._membership)
        self._outage = OutageDetector()
        self._logged_level = 0  # of the current outage
        self._retry_pause = RetryPause()
        self._handshake_needed = asyncio.Event()
        self._first_attempt_ended = asyncio.Event()

    def add_handshake_command(self, *words: Word) -> None:
        """Add a command that Redis must acknowledge in each handshake before the client is up. Call before `start`."""
        self._handshake.add(*words)

    def start(self) -> None:
        """Start to connect in the background. Return at once, even if Redis is down."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._keep_connected())
        self._tick()

    async def wait_for_first_attempt(self) -> None:
        """Wait until the first attempt to connect has succeeded or failed, for two seconds at most.

        Call it before the worker serves: only the death of a member is noticed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
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
        self._loop = None

    def mark_down(self, reason: str, is_outage_possible: bool = True) -> None:
        """Take the client down until the next acknowledged handshake. Pending commands fail at once."""
        if not self.is_up:
            return
        self.is_up = False
        if is_outage_possible:
            self._membership.note_possible_outage()
        self._log_outage(reason)
        if self._connection:
            self._connection.fail_pending(RedisDownError(reason))
        self._handshake_needed.set()

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
        elif self.is_up:
            if monotonic() - self._heartbeat_at >= HEARTBEAT_SECONDS:
                self._heartbeat, self._heartbeat_at = self._send_heartbeat(), monotonic()
                self._is_latency_judged = False
            elif not self._is_latency_judged:
                self._is_latency_judged = True
                self._loop.call_later(POLL_SECONDS, self._judge_latency)
        self._timer_ran_at = monotonic()

    def _judge_latency(self) -> None:
        """Take the client down if Redis is slow. A tick after the heartbeat, the sockets have been polled."""
        is_late = self._heartbeat is not None and not self._heartbeat.is_done
        self._late_heartbeats = self._late_heartbeats + 1 if is_late else 0
        if self._late_heartbeats >= SLOW_HEARTBEATS:
            self.mark_down(SLOW, is_outage_possible=False)

    def _on_data(self) -> None:
        self._outage.on_data()
        self._is_reply_overdue()

    def _is_reply_overdue(self) -> bool:
        """Take the client down if a reply is overdue. It is no sign of an outage if this worker itself was late."""
        if self._connection is None or self._connection.oldest_wait_seconds() <= REPLY_TIMEOUT_SECONDS:
            return False
        is_late = monotonic() - self._timer_ran_at > REPLY_TIMEOUT_SECONDS
        self.mark_down(f"no reply within {REPLY_TIMEOUT_SECONDS} s", is_outage_possible=not is_late)
        return True

    def _on_connection_lost(self) -> None:
        self.mark_down("connection lost")
        self._handshake_needed.set()

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
            self.prefix = self._handshake.prefix = await self._find_prefix()
            self._find_prefix = None
            logger.info("all keys in Redis begin with %s", self.prefix)

    async def _serve_connection(self) -> None:
        """Open one connection and keep it until it is lost. Raise the error that ends it."""
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

        While Redis is full or slow, or a right is missing, the connection stays: writers delete their stamps over it.
        """
        is_up = False
        while not is_up:
            started_at = monotonic()
            try:
                is_up = await self._handshake.run(connection)
            except hiredis.ReplyError as error:
                if not keeps_connection(error):
                    raise
                self._note_failure(started_at, error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(retry_pause.REFUSED_SECONDS):
                        await self._handshake_needed.wait()
            else:
                if not is_up:
                    self._first_attempt_ended.set()
                    self._log_outage(SLOW)
                    await self._retry_pause.wait()
        self._be_up()

    def _be_up(self) -> None:
        self._outage.on_up()
        self._retry_pause.reset()
        self._logged_level = self._late_heartbeats = 0
        self._heartbeat, self._heartbeat_at = None, -inf  # the next tick sends one
        self.is_up = True
        self._first_attempt_ended.set()
        logger.info("Redis connected successfully: %s (DB: %d)", self._address.place, self._address.db)

    def _note_failure(self, started_at: float, error: Exception) -> bool:
        """Note and log a failed attempt. Return True if only a repair ends the cause."""
        failure = explain(error, is_tls=self._address.is_tls, was_up=self._membership.confirmed_at > -inf)
        self._first_attempt_ended.set()
        self._outage.on_failure(started_at, error, failure.is_refusal)
        self._log_outage(failure.explanation, logging.ERROR if failure.is_refusal else logging.WARNING)
        return failure.is_refusal

    def _log_outage(self, reason: str, level: int = logging.WARNING) -> None:
        """Log an outage once, and again if it turns out to be a refusal."""
        if level <= self._logged_level:
            return
        if not self._logged_level:
            metrics.redis_outage()
        self._logged_level = level
        logger.log(level, "Redis refuses this worker: %s" if level == logging.ERROR else "Redis is away: %s", reason)
