"""Plain reads without threads: psycopg2's asynchronous connections on the event loop.

A statement costs one trip and no hand-over between threads, seven times less than a Session in a thread. Such a
connection is always in autocommit and has one statement under way at a time; transactions go through Sessions.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions

from config.deadlines import NoAnswerError
from config.errors import DatabaseUnavailableError
from config.telemetry import sql_span

Row = tuple[Any, ...]

# NUMERIC(12,2) has 12 digits, and a double keeps 15: the shortest text of the double is the exact amount.
_NUMERIC_OID = 1700
_NUMBER = extensions.new_type((_NUMERIC_OID,), "NUMBER", lambda text, _cursor: None if text is None else float(text))


class ReadConnection:
    def __init__(self, dsn: Mapping[str, Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = psycopg2.connect(**dsn, async_=True)
        self._waiter: asyncio.Future[None] | None = None
        self._watched: int | None = None
        self._writing = False
        self._is_open = False

    async def open(self, deadline_seconds: float) -> None:
        await self._settle(deadline_seconds)
        self._is_open = True
        extensions.register_type(_NUMBER, self._connection)

    async def fetch(self, sql: str, parameters: Mapping[str, Any], deadline_seconds: float) -> list[Row]:
        cursor = self._connection.cursor()
        cursor.execute(sql, parameters)
        await self._settle(deadline_seconds)
        rows: list[Row] = cursor.fetchall()
        return rows

    def close(self) -> None:
        self._watch(None)
        self._connection.close()

    async def _settle(self, deadline_seconds: float) -> None:
        """Wait until the connection has nothing under way. After an error or a deadline it must not be used again."""
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(deadline_seconds, self._expire, self._waiter)
        try:
            self._poll()
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _poll(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            # Nothing is asked for, so the server closed the connection: let the next use find out.
            self._watch(None)
            return
        if not self._is_open:
            # libpq may go on to another address with another socket, of the same number.
            self._watch(None)
        try:
            state = self._connection.poll()
        except psycopg2.Error as error:
            # libpq has closed the socket: the next connection that is made may get its number.
            self._watch(None)
            waiter.set_exception(error)
            return
        if state == extensions.POLL_OK:
            waiter.set_result(None)
        else:
            self._watch(self._connection.fileno(), writing=state == extensions.POLL_WRITE)

    def _watch(self, descriptor: int | None, *, writing: bool = False) -> None:
        """Ask the loop to call `_poll` when the descriptor is ready; it changes while a connection is being made."""
        if descriptor == self._watched and writing == self._writing:
            return
        if self._watched is not None:
            self._loop.remove_reader(self._watched)
            self._loop.remove_writer(self._watched)
        self._watched, self._writing = descriptor, writing
        if descriptor is not None:
            (self._loop.add_writer if writing else self._loop.add_reader)(descriptor, self._poll)

    @staticmethod
    def _expire(waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(NoAnswerError())


class AsyncReads:
    """A pool of read connections, each opened when it is first needed. Use it from one event loop at a time."""

    def __init__(self, dsn: Mapping[str, Any], size: int, wait_seconds: float, deadline_seconds: float) -> None:
        self._dsn, self._size = dsn, size
        self._wait_seconds, self._deadline_seconds = wait_seconds, deadline_seconds
        self._idle: list[ReadConnection] = []
        self._free = asyncio.Semaphore(size)

    async def fetch(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """All rows of one statement; NUMERIC comes as float, ready for JSON.

        Raises DatabaseUnavailableError when the server is away, frozen or too slow, or no connection gets free.
        """
        if self._free.locked():
            await self._wait_for_turn()
        else:
            await self._free.acquire()
        try:
            with sql_span(sql):
                return await self._fetch(sql, parameters)
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise DatabaseUnavailableError(str(error).strip()) from error
        finally:
            self._free.release()

    async def _wait_for_turn(self) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailableError("no read connection got free in time") from None

    async def _fetch(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        if self._idle:
            connection = self._idle.pop()
            try:
                return await self._use(connection, sql, parameters)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                if isinstance(error, extensions.QueryCanceledError):
                    raise
                # The server hangs, or was restarted: so the other idle connections are of no use either.
                self.close()
                if isinstance(error, NoAnswerError):
                    raise
        connection = ReadConnection(self._dsn)
        try:
            await connection.open(self._dsn["connect_timeout"])
        except BaseException:
            connection.close()
            raise
        return await self._use(connection, sql, parameters)

    async def _use(self, connection: ReadConnection, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            rows = await connection.fetch(sql, parameters, self._deadline_seconds)
        except (extensions.QueryCanceledError, psycopg2.DataError):
            self._idle.append(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return rows

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
