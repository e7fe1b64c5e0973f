"""State of a client of Redis: whether Redis is up, and the evidence of failures."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic

from infrastructure.observability.metrics import metrics
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability.handshake import REPLY_TIMEOUT_SECONDS, Handshake
from infrastructure.redis.availability.heartbeats import SLOW, Heartbeats
from infrastructure.redis.availability.membership import Membership
from infrastructure.redis.availability.outage import OutageDetector
from infrastructure.redis.availability.outage_log import OutageLog
from infrastructure.redis.availability.retry_pause import RetryPause
from infrastructure.redis.connection import RedisConnection
from infrastructure.redis.failures import Failure, explain
from infrastructure.redis.protocol import RedisDownError, Word
from infrastructure.redis.topology.master import FixedMaster, Master

FindPrefix = Callable[[], Awaitable[str]]


class RedisLink:
    """Base class of the client. It does nothing on its own."""

    def __init__(
        self,
        server: RedisAddress | Master,
        find_prefix: FindPrefix | None = None,
        log: OutageLog | None = None,
        tag: str = "",
    ) -> None:
        """Build a client that is down. It asks `find_prefix` before its first connection, and stays down until then.

        `find_prefix` raises OSError if it cannot tell the prefix yet. Keys begin with `tag` and the prefix, if any.
        """
        self.is_up = False
        self.prefix = self._tag = tag
        self._find_prefix = find_prefix
        self._master: Master = FixedMaster(server) if isinstance(server, RedisAddress) else server
        self._address = self._master.address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ran_at = 0.0
        self._heartbeats = Heartbeats()
        self._connection: RedisConnection | None = None
        self._membership = Membership()
        self._handshake = Handshake(self._address, self._membership)
        self._outage = OutageDetector(self._master.settling_seconds)
        self._retry_pause = RetryPause()
        self._handshake_needed = asyncio.Event()
        self._first_attempt_ended = asyncio.Event()
        self._log = log or OutageLog()
        self._log.add(self)

    def add_handshake_command(self, *words: Word) -> None:
        """Add a command that Redis must acknowledge in each handshake before the client is up. Call before `start`."""
        self._handshake.add(*words)

    def mark_down(self, reason: str, is_outage_possible: bool = True) -> None:
        """Take the client down until the next acknowledged handshake. Pending commands fail at once."""
        if not self.is_up:
            return
        self.is_up = False
        if is_outage_possible:
            self._membership.note_possible_outage()
        self._log.note_away(self, reason)
        if self._connection:
            self._connection.fail_pending(RedisDownError(reason))
        self._handshake_needed.set()

    def _judge_latency(self) -> None:
        """Take the client down if Redis is slow. A tick after the heartbeat, the sockets have been polled."""
        if self._heartbeats.is_slow():
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

    def _use(self, address: RedisAddress) -> None:
        """Forget the evidence of an outage of the former server: nobody is served there."""
        if address != self._address:
            if self._membership.confirmed_at > -inf:
                metrics.redis_failover()
            self._address = address
            self._outage = OutageDetector(self._master.settling_seconds)
            self._membership.change_server()

    def _note_failure(self, started_at: float, error: Exception) -> bool:
        """Note and log a failed attempt. Return True if only a repair ends the cause."""
        failure = self._explain(error)
        self._first_attempt_ended.set()
        self._outage.on_failure(started_at, error, failure.is_refusal)
        self._log.note_away(self, failure.explanation, logging.ERROR if failure.is_refusal else logging.WARNING)
        return failure.is_refusal

    def _explain(self, error: Exception) -> Failure:
        """Explain an error. A node of a cluster that names another one has handed over to it."""
        if str(error).startswith("MOVED "):
            self._master.note_handover(self._address)
        was_up = self._membership.confirmed_at > -inf
        is_elected = self._master.settling_seconds > 0
        return explain(error, is_tls=self._address.is_tls, was_up=was_up, is_elected=is_elected)
