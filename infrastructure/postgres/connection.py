"""Asynchronous psycopg2 connection, driven by the event loop."""

import asyncio
import select
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions

from infrastructure.postgres.availability.failover import FailoverDetector, Server
from infrastructure.postgres.prepared_sql import prepared_sql
from infrastructure.postgres.timeouts import CutConnectionError, NoAnswerError
from infrastructure.postgres.typecasts import NUMBER

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]


class AsyncConnection:
    """Connection in autocommit that runs one statement at a time.

    Do not use it again after an error of the connection or a missed deadline.
    """

    def __init__(self, dsn: Mapping[str, Any], opened_at: float) -> None:
        """Start to connect. `dsn` gives addresses, because libpq would block the event loop to look up a name.

        `opened_at` is the monotonic time before the look-up.
        """
        self.opened_at = opened_at
        self.server: Server | None = None
        """The server that it leads to, once it is identified."""
        self._loop = asyncio.get_running_loop()
        self._connection = psycopg2.connect(**dsn, async_=True)
        self._completion: asyncio.Future[None] | None = None
        self._watched: int | None = None
        self._writing = False
        self._is_open = False
        self._prepared: set[str] = set()

    async def open(self, deadline_seconds: float) -> None:
        """Wait until the connection is open."""
        await self._wait_until_ready(deadline_seconds)
        self._is_open = True
        extensions.register_type(NUMBER, self._connection)

    async def identify(self, failover: FailoverDetector, deadline_seconds: float) -> None:
        """Find the server behind the connection. Raises psycopg2.OperationalError if it is a standby."""
        pid = self._connection.info.backend_pid
        self.server = await failover.identify_async(lambda sql: self.fetch(sql, None, deadline_seconds), pid)
        failover.connections.add(self)

    async def fetch(self, sql: str, parameters: Parameters | None, deadline_seconds: float) -> list[Row]:
        """Return the rows of a statement, or of the last one when `sql` holds several. Raises psycopg2.Error."""
        cursor = self._connection.cursor()
        cursor.execute(sql, parameters)
        await self._wait_until_ready(deadline_seconds)
        rows: list[Row] = cursor.fetchall() if cursor.description else []
        return rows

    async def prepare(self, sql: str, deadline_seconds: float) -> str:
        """Prepare `sql` on its first use on this connection. Return the EXECUTE statement to send instead."""
        statement = prepared_sql(sql)
        if statement.name not in self._prepared:
            await self.fetch(statement.prepare, None, deadline_seconds)
            self._prepared.add(statement.name)
        return statement.execute

    @property
    def is_orphaned(self) -> bool:
        """Return True if the event loop of the connection has ended, as after each request of a plain TestClient."""
        return self._loop.is_closed()

    @property
    def is_lost(self) -> bool:
        """Return True if the idle connection is known to be dead."""
        return self._connection.closed != 0 or is_closed_by_server(self._connection)

    @property
    def is_pooled(self) -> bool:
        return self.server is not None and self.server.is_pooled

    def abort(self) -> None:
        """Fail the statement under way."""
        if not self.is_orphaned and self._completion and not self._completion.done():
            self._completion.set_exception(CutConnectionError())

    def close(self) -> None:
        """Close the connection and stop watching its socket."""
        self._watch(None)
        self._connection.close()

    async def _wait_until_ready(self, deadline_seconds: float) -> None:
        """Wait until connecting or the current statement is complete. Raises NoAnswerError after the deadline."""
        self._completion = self._loop.create_future()
        timer = self._loop.call_later(deadline_seconds, self._expire, self._completion)
        try:
            self._poll()
            await self._completion
        finally:
            timer.cancel()
            self._completion = None

    def _poll(self) -> None:
        """Let libpq continue, and complete the current wait when it is done."""
        completion = self._completion
        if completion is None or completion.done():
            # No statement is running, so the server has closed the connection. The next use will notice.
            self._watch(None)
            return
        if not self._is_open:
            # libpq may continue with another address, on another socket that has the same number.
            self._watch(None)
        try:
            state = self._connection.poll()
        except psycopg2.Error as error:
            # libpq has closed the socket, and a new connection may get its number.
            self._watch(None)
            # The traceback would refer to this frame, and the frame to the future: a reference cycle.
            completion.set_exception(error.with_traceback(None))
            return
        if state == extensions.POLL_OK:
            completion.set_result(None)
        else:
            self._watch(self._connection.fileno(), writing=state == extensions.POLL_WRITE)

    def _watch(self, descriptor: int | None, *, writing: bool = False) -> None:
        """Call `_poll` when the descriptor is ready. The descriptor may change while libpq connects."""
        if descriptor == self._watched and writing == self._writing:
            return
        if self._watched is not None:
            self._loop.remove_reader(self._watched)
            self._loop.remove_writer(self._watched)
        self._watched, self._writing = descriptor, writing
        if descriptor is not None:
            (self._loop.add_writer if writing else self._loop.add_reader)(descriptor, self._poll)

    @staticmethod
    def _expire(completion: asyncio.Future[None]) -> None:
        if not completion.done():
            completion.set_exception(NoAnswerError())


def is_closed_by_server(idle_connection: Any) -> bool:
    """Return True if the server has closed an idle connection. Only its end makes one readable: no round trip."""
    poll = select.poll()
    poll.register(idle_connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
