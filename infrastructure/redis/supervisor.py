"""Supervision of the connection to Redis: connect, run the handshake, send heartbeats, detect outages, reconnect."""

import asyncio
import logging
from contextlib import suppress
from time import monotonic

import hiredis

from config.settings import RedisAddress
from infrastructure.redis.connect import connect
from infrastructure.redis.connection import RedisConnection
from infrastructure.redis.membership import Membership
from infrastructure.redis.outage import OutageDetector
from infrastructure.redis.protocol import Pipeline, RedisDownError, SimpleCommand, Word
from infrastructure.redis.retry_pause import RetryPause

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 0.1
# A worker with hundreds of concurrent requests may itself be late. A shorter timeout would mistake that for an outage.
REPLY_TIMEOUT_SECONDS = 0.6
CONNECTION_TIMEOUT_SECONDS = 5.0  # after this silence the connection is replaced: its other end may be gone
START_TIMEOUT_SECONDS = 2.0


class RedisSupervisor:
    """Base class that owns the connection and its state `is_up`. The subclass sends the heartbeats."""

    def __init__(self, address: RedisAddress) -> None:
        self.is_up = False
        self._address = address
        self._handshake: list[tuple[Word, ...]] = [("SELECT", address.db)]
        if address.password:
            self._handshake.insert(0, ("AUTH", address.password))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ran_at = 0.0
        self._connection: RedisConnection | None = None
        self._membership = Membership()
        self._outage = OutageDetector()
        self._is_outage_logged = False
        self._retry_pause = RetryPause()
        self._handshake_needed = asyncio.Event()
        self._first_attempt_ended = asyncio.Event()

    def add_handshake_command(self, *words: Word) -> None:
        """Add a command that Redis must acknowledge in each handshake before the client is up. Call before `start`."""
        self._handshake.append(words)

    def start(self) -> None:
        """Start to connect in the background. Return at once, even if Redis is down."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._keep_connected())
        self._run_heartbeat()

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

    def _send_heartbeat(self) -> None:
        raise NotImplementedError

    async def _leave(self) -> None:
        raise NotImplementedError

    def _run_heartbeat(self) -> None:
        if self._loop is None:
            return
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._run_heartbeat)
        if self._is_reply_overdue():
            self._outage.on_waiting()
        elif self.is_up:
            self._send_heartbeat()
        self._timer_ran_at = monotonic()

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
                await self._serve_connection()
            except (OSError, hiredis.HiredisError) as error:
                self._first_attempt_ended.set()
                self._outage.on_failure(started_at, error)
                self._log_outage(str(error) or type(error).__name__)
                if not isinstance(error, TimeoutError):
                    await self._retry_pause.wait()

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
                await self._run_handshake(connection)
                await self._handshake_needed.wait()
        finally:
            self.mark_down("connection lost")
            self._membership.note_possible_outage()
            self._connection = None
            connection.abort()

    async def _run_handshake(self, connection: RedisConnection) -> None:
        """Repeat the handshake until Redis acknowledges it in time. Raise the error if Redis rejects it."""
        while True:
            commands = [SimpleCommand(*words) for words in (*self._handshake, self._membership.join())]
            pipeline = Pipeline(commands)
            connection.send(pipeline)
            async with asyncio.timeout(CONNECTION_TIMEOUT_SECONDS):
                await pipeline.wait()
            for command in commands:
                command.result()
            if monotonic() - pipeline.sent_at <= REPLY_TIMEOUT_SECONDS and not connection.is_closed:
                break
        self._membership.confirm(pipeline.sent_at, commands[-1].result())
        self._retry_pause.reset()
        self._is_outage_logged = False
        self.is_up = True
        self._first_attempt_ended.set()
        logger.info(
            "Redis connected successfully: %s:%d (DB: %d)", self._address.host, self._address.port, self._address.db
        )

    def _log_outage(self, reason: str) -> None:
        if not self._is_outage_logged:
            self._is_outage_logged = True
            logger.warning("Redis is away: %s", reason)
