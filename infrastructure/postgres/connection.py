"""One of psycopg2's asynchronous connections, driven by the event loop."""

import asyncio
import select
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import psycopg2
from psycopg2 import extensions

from infrastructure.postgres.timeouts import NoAnswerError

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

# NUMERIC(12,2) has 12 digits, and a double keeps 15: the shortest text of the double is the exact amount.
_NUMERIC_OID = 1700
_NUMBER = extensions.new_type((_NUMERIC_OID,), "NUMBER", lambda text, _cursor: None if text is None else float(text))


class AsyncConnection:
    """Always in autocommit, with one statement under way at a time. After an error or a deadline while it waits for
    the server, it must not be used again.
    """

    def __init__(self, dsn: Mapping[str, Any], opened_at: float) -> None:
        """`dsn` has addresses, looked up at `opened_at`: for a name libpq would stop the event loop."""
        self.opened_at = opened_at
        self._loop = asyncio.get_running_loop()
        self._connection = psycopg2.connect(**dsn, async_=True)
        self._completion: asyncio.Future[None] | None = None
        self._watched: int | None = None
        self._writing = False
        self._is_open = False
        self._prepared: set[str] = set()

    async def open(self, deadline_seconds: float) -> None:
        await self._wait_until_ready(deadline_seconds)
        self._is_open = True
        extensions.register_type(_NUMBER, self._connection)

    async def fetch(self, sql: str, parameters: Parameters | None, deadline_seconds: float) -> list[Row]:
        """The rows of a statement, or of the last of several that are sent together."""
        cursor = self._connection.cursor()
        cursor.execute(sql, parameters)
        await self._wait_until_ready(deadline_seconds)
        rows: list[Row] = cursor.fetchall() if cursor.description else []
        return rows

    async def prepare(self, sql: str, deadline_seconds: float) -> str:
        """What to send instead of `sql`, which the server then parses once for this connection."""
        kept = _prepare_sql(sql)
        if kept.execute not in self._prepared:
            await self.fetch(kept.prepare, None, deadline_seconds)
            self._prepared.add(kept.execute)
        return kept.execute

    @property
    def is_lost(self) -> bool:
        """Whether it is known, while it is idle, to lead nowhere any more."""
        return self._connection.closed != 0 or is_closed_by_server(self._connection)

    def close(self) -> None:
        self._watch(None)
        self._connection.close()

    async def _wait_until_ready(self, deadline_seconds: float) -> None:
        """Wait until the connection has nothing under way."""
        self._completion = self._loop.create_future()
        timer = self._loop.call_later(deadline_seconds, self._expire, self._completion)
        try:
            self._poll()
            await self._completion
        finally:
            timer.cancel()
            self._completion = None

    def _poll(self) -> None:
        completion = self._completion
        if completion is None or completion.done():
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
            # The traceback leads to this frame, and so back to the completion.
            completion.set_exception(error.with_traceback(None))
            return
        if state == extensions.POLL_OK:
            completion.set_result(None)
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
    def _expire(completion: asyncio.Future[None]) -> None:
        if not completion.done():
            completion.set_exception(NoAnswerError())


def is_closed_by_server(idle_connection: Any) -> bool:
    """Whether the server has closed an idle connection, told without a trip: what can be read from it is its end."""
    poll = select.poll()
    poll.register(idle_connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class PreparedSql(NamedTuple):
    prepare: str
    execute: str


@lru_cache(maxsize=256)
def _prepare_sql(sql: str) -> PreparedSql:
    """The name is made of the text, so that no two programs can mean different statements by it."""
    numbers = _PlaceholderNumbers()
    text, name = sql % numbers, f"s_{blake2b(sql.encode(), digest_size=12).hexdigest()}"
    values = ", ".join(f"%({item})s" for item in numbers)
    return PreparedSql(f"PREPARE {name} AS {text}", f"EXECUTE {name} ({values})" if numbers else f"EXECUTE {name}")


class _PlaceholderNumbers(dict[str, str]):
    """The parameters of a text in psycopg2's form, numbered in the order in which they come."""

    def __missing__(self, name: str) -> str:
        self[name] = f"${len(self) + 1}"
        return self[name]
