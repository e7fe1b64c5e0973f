"""Log of database outages: one warning for each, with libpq's own message, and one line when the database is back.

The state belongs to the worker: every pool and the engine report to the same object.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from infrastructure.observability.log_targets import IN_ERROR_LOG
from infrastructure.observability.metrics import metrics

logger = logging.getLogger(__name__)

QUIET_SECONDS = 5.0
"""Seconds without a failure after which an answer on an old connection ends the outage."""
OUTAGE_STATES = ("08", "53", "57P", "25006")
"""Begin of the SQLSTATEs that say that the server is away, out of resources, stopping, or a standby."""


class OutageLog:
    """Detector of outages from failed and successful connections and statements. Safe to use from any thread.

    After a failed connection, a later connection ends the outage. After a failed statement only quiet ends it: a
    standby that refuses writes accepts connections. Quiet also ends the outage of a role at its connection limit, which
    answers on the connections that it has.
    """

    def __init__(self) -> None:
        self.is_out = False
        self._failed_at = 0.0
        self._ends_with_connection = False
        self._changing = threading.Lock()

    def connection_failed(self, error: BaseException) -> None:
        """Report a connection that could not be opened."""
        self._begin(error, ends_with_connection=True)

    def statement_failed(self, error: BaseException) -> None:
        """Report a statement that failed. Errors of the statement itself, and waits for locks, are no outage."""
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if state is None or state.startswith(OUTAGE_STATES):
            self._begin(error, ends_with_connection=False)

    def pool_exhausted(self, error: BaseException) -> None:
        """Report that nothing became free in time: other statements hang or are slow."""
        self._begin(error, ends_with_connection=False)

    def connected(self, begun: float) -> None:
        """Report a new connection; `begun` is the monotonic time before the attempt."""
        if self.is_out and self._ends_with_connection and begun > self._failed_at:
            self._end()

    def answered(self) -> None:
        """Report a statement that was answered."""
        if self.is_out and monotonic() - self._failed_at > QUIET_SECONDS:
            self._end()

    @contextmanager
    def watching_connect(self) -> Iterator[None]:
        """Report whether the block opens a connection."""
        begun = monotonic()
        try:
            yield
        except Exception as error:
            self.connection_failed(error)
            raise
        self.connected(begun)

    def _begin(self, error: BaseException, *, ends_with_connection: bool) -> None:
        with self._changing:
            is_first, self.is_out = not self.is_out, True
            self._failed_at, self._ends_with_connection = monotonic(), ends_with_connection
        if is_first:
            metrics.database_outage()
            lines = [line.strip() for line in str(error).splitlines()]
            reason = "; ".join(filter(None, lines)) or type(error).__name__
            logger.warning("the database is unavailable: %s", reason, extra=IN_ERROR_LOG)

    def _end(self) -> None:
        with self._changing:
            was_out, self.is_out = self.is_out, False
        if was_out:
            logger.info("the database is available again", extra=IN_ERROR_LOG)


outages = OutageLog()
