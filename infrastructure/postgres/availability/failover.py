"""Failover: the server behind each connection, and the moments at which connections become obsolete.

Each new connection leads to a primary (`target_session_attrs`) and reads the server's identity. A primary becomes a
standby only by a restart, which breaks its connections, so a direct connection never leads to a standby. Behind a
pooler it may, so reads there carry CHECK_PRIMARY.
"""

import threading
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from time import monotonic
from typing import Any, NamedTuple, Protocol
from weakref import WeakSet

import psycopg
import psycopg2

from infrastructure.postgres import timeouts

YOUNG_SECONDS = 1.0

IDENTITY = """
    SELECT system_identifier::text || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8), pg_backend_pid()
    FROM pg_control_system()
"""
"""The cluster, and its timeline in 8 hex digits: a promotion begins a new one. All roles may ask. On a standby these
functions raise an error of the class OperationalError."""
START_TIME = "SELECT 'since ' || extract(epoch FROM pg_postmaster_start_time())::text, pg_backend_pid()"
"""Identity of a server that does not show its WAL, such as Aurora."""
CHECK_PRIMARY = "SELECT pg_current_wal_lsn()"
"""Statement that fails on a standby. A pooler sends a read that follows it in one message to the same server."""


class Server(NamedTuple):
    """The server behind a connection. `is_pooled` means that another connection of a pooler reaches it."""

    identity: str
    is_pooled: bool


class OpenConnection(Protocol):
    opened_at: float

    def abort(self) -> None:
        """Give up the statements under way."""


class FailoverDetector:
    """Detector of obsolete connections, one for each worker. Safe to use from any thread."""

    def __init__(self, max_age_seconds: float = inf) -> None:
        self._max_age_seconds = max_age_seconds
        self.identity: str | None = None
        """Identity of the server behind the newest connection."""
        self.connections: WeakSet[OpenConnection] = WeakSet()
        """Connections of the event loop."""
        self.statement = IDENTITY
        """Statement that asks a server for its identity."""
        self._refused_at = 0.0
        self._renewed_at = 0.0
        self._changing = threading.Lock()

    def record(self) -> None:
        """Record that a server has just refused a write because it is read-only."""
        self._refused_at = monotonic()

    def renew(self) -> None:
        """Make all present connections obsolete."""
        self._renewed_at = monotonic()

    def cut(self, opened_before: float) -> None:
        """Record that the network has silently dropped these connections, and give up their statements."""
        timeouts.cut_waits()
        self.abort(opened_before)

    def abort(self, opened_before: float) -> None:
        """Make the connections that were opened until then obsolete, and give up their statements."""
        self._renewed_at = opened_before
        for connection in list(self.connections):
            if connection.opened_at <= opened_before:
                connection.abort()

    def note(self, identity: str) -> None:
        """Note the server of a new connection, or of the answer to the present probe."""
        with self._changing:
            self.identity = identity

    def is_obsolete(self, opened_at: float, server: Server | None) -> bool:
        """Return True if a connection that was opened at this monotonic time must not be used any more.

        One to a server that refuses writes stays in use for its first second: while the address still leads there, a
        new connection would be no better.
        """
        if opened_at <= self._renewed_at or (server and not server.is_pooled and server.identity != self.identity):
            return True
        age = monotonic() - opened_at
        return age >= self._max_age_seconds or (opened_at <= self._refused_at and age >= YOUNG_SECONDS)

    def identify(self, connection: Any) -> Server:
        """Return the server of a new synchronous psycopg2 connection. Raises psycopg2.OperationalError."""
        connection.autocommit = True  # no round trips for a transaction
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement := self.statement)
            except psycopg2.Error as error:
                self._ask_otherwise(statement, error)
                cursor.execute(self.statement)
            row = cursor.fetchone()
        connection.autocommit = False
        return self._noted(row, connection.info.backend_pid)

    async def identify_async(
        self, fetch: Callable[[str], Awaitable[Sequence[Sequence[Any]]]], backend_pid: int
    ) -> Server:
        """Return the server of a new asynchronous connection. Raises OperationalError of its driver."""
        try:
            [row] = await fetch(statement := self.statement)
        except (psycopg2.Error, psycopg.Error) as error:
            self._ask_otherwise(statement, error)
            [row] = await fetch(self.statement)
        return self._noted(row, backend_pid)

    def _ask_otherwise(self, statement: str, error: psycopg2.Error | psycopg.Error) -> None:
        """Choose the other statement if the server does not support this one, otherwise raise the error."""
        if statement == START_TIME or isinstance(error, (psycopg2.OperationalError, psycopg.OperationalError)):
            raise error
        self.statement = START_TIME

    def _noted(self, row: Any, backend_pid: int) -> Server:
        identity, pid = row
        self.note(identity)
        return Server(identity, is_pooled=pid != backend_pid)
