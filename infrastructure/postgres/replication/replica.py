"""One read replica: its connections, and the state that its checks have found."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import QueryCanceledError

from config.settings import Settings
from infrastructure.exceptions import DatabaseUnavailableError, RefusedError
from infrastructure.observability.log_targets import IN_ERROR_LOG
from infrastructure.postgres.availability.outage_log import OutageLog
from infrastructure.postgres.connect import Target
from infrastructure.postgres.pool import AsyncPool, read_pool
from infrastructure.postgres.replication.detectors import STANDBY, CheckDetector, ReadDetector
from infrastructure.postgres.replication.position import Position, PrimaryHistory
from infrastructure.postgres.urls import driver_arguments
from infrastructure.texts import message_of

logger = logging.getLogger(__name__)

CHECK_DEADLINE_SECONDS = 1.0
# A row that has arrived by replication tells the primary that the WAL is from. Roles without further rights see no
# other sign of a standby's timeline.
STATUS = f"""
    SELECT pg_is_in_recovery(), server.started, server.lsn, (SELECT identity FROM primary_server)
    FROM ({STANDBY}) AS server (started, pid, lsn)
"""  # noqa: S608 # constants
FAILURES = (DatabaseUnavailableError, RefusedError, psycopg2.Error)
"""Errors of a read. On a replica they include conflicts with the replay, and migrations that it has not replayed."""


class UnloggedOutages(OutageLog):
    """Outages of a replica. Its checks log them, and they are none of the database."""

    def _begin(self, error: BaseException, *, ends_with_connection: bool) -> None:
        pass


class Replica:
    """A standby that reads may use while its last check was good."""

    def __init__(self, settings: Settings, arguments: Mapping[str, Any]) -> None:
        """Build a replica. `settings` have its address in the place of the primary's."""
        dsn = {**driver_arguments(settings.sqlalchemy_url()), **arguments}
        self.name = f"{dsn.get('host') or 'localhost'}:{dsn.get('port', 5432)}"
        self.lag_seconds = 0.0
        self.is_used: bool | None = None
        """None before the first check."""
        self._replayed = Position("", 0)
        self._detector, self._max_lag_seconds = ReadDetector(), settings.db_replica_max_lag
        self._checks = AsyncPool(
            Target(dsn, CheckDetector(), UnloggedOutages()), 1, CHECK_DEADLINE_SECONDS, CHECK_DEADLINE_SECONDS
        )
        self.reads = read_pool(Target(dsn, self._detector, UnloggedOutages()), settings)

    def has_replayed(self, position: Position) -> bool:
        """Return True if reads see everything that was committed before the position."""
        return (
            bool(self.is_used) and self._replayed.identity == position.identity and self._replayed.lsn >= position.lsn
        )

    async def check(self, primary: PrimaryHistory) -> None:
        """Ask the server for its state, and use it or not from now on. Raises nothing."""
        try:
            [(is_standby, started, lsn, identity)] = await self._checks.fetch(STATUS, {})
        except (DatabaseUnavailableError, psycopg2.Error) as error:
            self._leave(message_of(error))
            return
        if not is_standby:
            self._checks.close()  # the address may lead to another server by now
            self._leave("it is no standby")
            return
        self._detector.accept(started, lsn)
        self._replayed, self.lag_seconds = Position(identity or "", lsn), primary.lag_seconds(lsn)
        self._decide(self._problem(primary))

    def close(self) -> None:
        self._checks.close()
        self.reads.close()

    def _problem(self, primary: PrimaryHistory) -> str | None:
        """Return the reason why the standby must not be used, or None."""
        identity = self._replayed.identity
        if identity != primary.identity:
            return f"it has the data of {identity or 'an unknown server'}, and the primary is {primary.identity}"
        # It comes back with half the lag, so that it does not come and go.
        if self.lag_seconds > self._max_lag_seconds / (1 if self.is_used else 2):
            return f"it is {self.lag_seconds:.1f} s behind the primary"
        return None

    def _leave(self, problem: str) -> None:
        self._decide(problem)
        self._detector.forget()

    def _decide(self, problem: str | None) -> None:
        was_used, self.is_used = self.is_used, problem is None
        if problem and was_used is not False:
            logger.warning("the replica %s is not used: %s", self.name, problem, extra=IN_ERROR_LOG)
        elif problem is None and not was_used:
            logger.info("the replica %s is used", self.name, extra=IN_ERROR_LOG)


def may_succeed_elsewhere(error: Exception) -> bool:
    """Return False for a read that was too slow, or that found no free connection: the primary would suffer as well."""
    is_exhausted = isinstance(error, DatabaseUnavailableError) and error.__cause__ is None
    return not is_exhausted and not isinstance(error.__cause__, QueryCanceledError)
