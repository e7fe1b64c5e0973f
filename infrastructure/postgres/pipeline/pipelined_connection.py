"""A connection in libpq's pipeline mode. All statements of one tick of the event loop leave in one write.

A batch ends with one sync, so PostgreSQL answers it as one transaction. While it is on its way, later statements wait
and form the next batch.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import psycopg
from psycopg import adapt, pq
from psycopg.abc import Buffer, Transformer
from psycopg.types.numeric import FloatLoader

from infrastructure.postgres.availability.failover import CHECK_PRIMARY, Server
from infrastructure.postgres.connection import Row
from infrastructure.postgres.prepared_sql import PreparedSql, prepared_sql
from infrastructure.postgres.typecasts import moment_in_utc

PATIENCE_SECONDS = 1.0
"""Short reads take less than a millisecond. A batch that takes longer meets a lock, or a server that hangs."""

Answer = asyncio.Future[Callable[[], list[Row]] | None]
"""A function that returns the rows; None stands for a read that must run on another connection.

Each reader converts its own rows. Converting a batch at once would drive the first rows out of the CPU's cache.
"""


class MomentLoader(adapt.Loader):
    """Loader of moments in UTC, as the other connections return them."""

    def load(self, data: Buffer) -> datetime:
        return moment_in_utc(bytes(data).decode())


class Read(NamedTuple):
    statement: PreparedSql
    values: list[bytes]
    answer: Answer


class PipelinedConnection:
    """Connection for statements that only read, prepared on their first use.

    It fails as a whole: after any error it closes, and hands all reads back for another connection to run them. A batch
    that is late hands its reads back too, and the connection takes no others until the server has answered.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any], opened_at: float, server: Server) -> None:
        """Take over an open connection. `opened_at` is the monotonic time before it was opened."""
        self.opened_at, self.server = opened_at, server
        self.is_late = False
        self.error: psycopg.Error | None = None
        """The reason why the connection is closed."""
        connection.adapters.register_loader("numeric", FloatLoader)
        connection.adapters.register_loader("timestamptz", MomentLoader)
        self._loop = asyncio.get_running_loop()
        self._connection, self._pgconn = connection, connection.pgconn
        self._prepared: set[str] = set()
        self._transformers: dict[str, Transformer] = {}
        self._waiting: list[Read] = []
        self._sent: list[Read] = []
        self._answered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._socket = self._pgconn.socket
        self._loop.add_reader(self._socket, self._receive)

    @property
    def is_usable(self) -> bool:
        return self.error is None and not self.is_late and not self.is_orphaned

    @property
    def is_orphaned(self) -> bool:
        """Return True if the event loop of the connection has ended, as after each request of a plain TestClient."""
        return self._loop.is_closed()

    def enqueue(self, statement: PreparedSql, values: list[bytes]) -> Answer:
        """Add a read to the next batch. It leaves after this tick, or when the present batch is answered."""
        answer: Answer = self._loop.create_future()
        if not self._waiting and not self._sent:
            self._loop.call_soon(self._send)
        self._waiting.append(Read(statement, values, answer))
        return answer

    def abort(self) -> None:
        """Close the connection, and hand its reads back."""
        if not self.is_orphaned:
            self.close()

    def close(self, error: psycopg.Error | None = None) -> None:
        """Close the connection and hand its reads back."""
        if self.error is None:
            # The traceback would refer to this object: a reference cycle.
            self.error = (error or psycopg.OperationalError("the connection is closed")).with_traceback(None)
            if not self.is_orphaned:
                self._loop.remove_reader(self._socket)
                self._loop.remove_writer(self._socket)
                self._hand_back()
            self._pgconn.finish()
            self._sent = []

    def _send(self) -> None:
        """Send what waits: in one write, if the socket takes it."""
        if not self._waiting:
            return
        pgconn = self._pgconn
        self._sent, self._waiting, self._answered = self._waiting, [], 0
        if self.server.is_pooled:
            self._sent.insert(0, Read(prepared_sql(CHECK_PRIMARY), [], self._loop.create_future()))
        self._timer = self._loop.call_later(PATIENCE_SECONDS, self._on_late)
        try:
            for (name, text, _), values, _ in self._sent:
                if name not in self._prepared:
                    self._prepared.add(name)
                    pgconn.send_prepare(name.encode(), text.encode())
                pgconn.send_query_prepared(name.encode(), values)
            pgconn.pipeline_sync()
            self._flush()
        except psycopg.Error as error:
            self.close(error)

    def _flush(self) -> None:
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self.close(error)

    def _receive(self) -> None:
        """Read what the server has sent: each statement's result, and the sync at the end of the batch."""
        pgconn = self._pgconn
        try:
            pgconn.consume_input()
            while self._sent and not pgconn.is_busy():
                if result := pgconn.get_result():
                    self._take(result)
        except psycopg.Error as error:
            self.close(error)

    def _take(self, result: Any) -> None:
        """Accept one result. Preparing a statement gives a result without rows, which is skipped."""
        status = result.status
        if status == pq.ExecStatus.TUPLES_OK:
            read = self._sent[self._answered]
            self._answered += 1
            if not read.answer.done():
                transformer = self._transformer(read.statement.name, result)
                read.answer.set_result(partial(_load, transformer, result))
        elif status == pq.ExecStatus.PIPELINE_SYNC:
            self._end_batch()
        elif status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)

    def _transformer(self, name: str, result: Any) -> Transformer:
        """Return the converter, in C, for a statement. All its results have the same columns."""
        transformer = self._transformers.get(name)
        if transformer is None:
            transformer = self._transformers[name] = adapt.Transformer(self._connection)
            transformer.set_pgresult(result)
        return transformer

    def _end_batch(self) -> None:
        self._stop_timer()
        self._sent, self.is_late = [], False
        self._send()

    def _on_late(self) -> None:
        self.is_late = True
        self._hand_back()

    def _hand_back(self) -> None:
        self._stop_timer()
        for read in (*self._sent, *self._waiting):
            if not read.answer.done():
                read.answer.set_result(None)
        self._waiting = []

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()


def _load(transformer: Transformer, result: Any) -> list[Row]:
    transformer.set_pgresult(result, set_loaders=False)
    return transformer.load_rows(0, result.ntuples, tuple)
