"""Pool of one connection for checks of the server: its identity, cut connections, commits that hang."""

import asyncio
import logging
from time import monotonic
from typing import Any

import psycopg2

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.availability.failover import Server
from infrastructure.postgres.connect import Target
from infrastructure.postgres.connection import AsyncConnection
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.timeouts import CutConnectionError, NoAnswerError

logger = logging.getLogger(__name__)

MAX_AGE_SECONDS = 10.0
"""Age at which the connection is replaced, so that it finds a new server although the former one still runs."""
LATE_SECONDS = 0.5
"""An older connection that answers this much later than a newer one is cut."""
WAITING_COMMITS = """
    SELECT pid, query_start FROM pg_stat_activity
    WHERE usename = current_user AND datname = current_database() AND wait_event = 'SyncRep'
"""


class Probe(AsyncPool):
    """Connection with a deadline of one second. Health checks use it too."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, size=1, wait_seconds=1, deadline_seconds=1)
        self._waiting = set[Any]()
        self._hanging: DatabaseUnavailableError | None = None

    @property
    def has_hanging_commits(self) -> bool:
        return self._hanging is not None

    def refuse_while_commits_hang(self) -> None:
        """Raise DatabaseUnavailableError while commits wait for a standby that must confirm them and does not.

        Neither a timeout nor the end of the client ends such a wait, so each further write would occupy one more
        connection of the server.
        """
        if self._hanging:
            raise DatabaseUnavailableError(str(self._hanging))

    async def check(self) -> None:
        """Update the identity of the server, the cut connections and the hanging commits. Raises nothing."""
        try:
            await self._semaphore.acquire()
        except DatabaseUnavailableError:
            return
        try:
            connection = await self._open_connection()
            if monotonic() - connection.opened_at >= MAX_AGE_SECONDS:
                connection.close()
                connection = await self._open_connection()
            await self._check(connection)
        except (DatabaseUnavailableError, psycopg2.Error) as error:
            logger.debug("the database is not checked: %s", error)
        finally:
            self._semaphore.release()

    async def _check(self, connection: AsyncConnection) -> None:
        try:
            [(identity, _)] = await connection.fetch(self._failover.statement, None, self._deadline_seconds)
            waiting = await connection.fetch(WAITING_COMMITS, None, self._deadline_seconds)
        except NoAnswerError:
            await self._find_cut(connection)
            raise
        except BaseException:
            connection.close()
            raise
        connection.server = connection.server and Server(identity, connection.server.is_pooled)
        self._failover.note(identity)
        self._idle.append(connection)
        self._note_waiting(set(waiting))

    async def _find_cut(self, late: AsyncConnection) -> None:
        """Report a cut if a new connection answers, and the late one still does not."""
        sent_at = monotonic()
        try:
            fresh = await self._connect()
            self._idle.append(fresh)
            await asyncio.sleep(LATE_SECONDS)
            if not late.is_lost:  # nor has an answer arrived
                self._outages.statement_failed(CutConnectionError())
                self._failover.cut(sent_at)
        finally:
            late.close()

    def _note_waiting(self, waiting: set[Any]) -> None:
        """Commits that wait at two checks in a row hang."""
        hanging, self._waiting = waiting & self._waiting, waiting
        if not hanging:
            self._hanging = None
            return
        self._hanging = DatabaseUnavailableError(f"{len(hanging)} commits wait for a synchronous standby")
        self._outages.pool_exhausted(self._hanging)
