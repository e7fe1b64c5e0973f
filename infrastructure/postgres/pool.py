"""Pool of asynchronous psycopg2 connections that runs single statements on the event loop.

A statement costs one round trip and no hand-over between threads, a seventh of a Session in a thread. Each statement
is a transaction of its own; `transaction` is for the few that belong together. Use cases with rules of their own run
in Sessions.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg2.errors import ReadOnlySqlTransaction

from config.settings import Settings
from infrastructure.concurrency.fair_semaphore import Check, FairSemaphore
from infrastructure.exceptions import DatabaseUnavailableError, OutcomeUnknownError, RefusedError
from infrastructure.observability.tracing import sql_span
from infrastructure.postgres.availability.failover import CHECK_PRIMARY
from infrastructure.postgres.connect import Target, connect
from infrastructure.postgres.connection import AsyncConnection, Parameters, Row
from infrastructure.postgres.idle_connections import IdleConnections
from infrastructure.postgres.pipeline.pipelined_reads import PipelinedReads
from infrastructure.postgres.prepared_sql import ShortSql
from infrastructure.postgres.timeouts import NoAnswerError
from infrastructure.postgres.transaction import (
    CONNECTION_LOST,
    CONNECTION_SURVIVES,
    NOT_PREPARED,
    OTHER_CONNECTION,
    REFUSALS,
    STATEMENT_ONLY,
    AsyncTransaction,
    TransactionControl,
)

__all__ = ["AsyncPool", "Row", "read_pool"]

logger = logging.getLogger(__name__)

ONLY_PRIMARY = TransactionControl(prefix=f"{CHECK_PRIMARY}; ")


class AsyncPool:
    """Pool that opens each connection when it is first needed. Use it from one event loop at a time."""

    def __init__(
        self,
        target: Target,
        size: int,
        wait_seconds: float,
        deadline_seconds: float,
        short_reads: PipelinedReads | None = None,
        check_before: Check | None = None,
    ) -> None:
        """Call `check_before`, which may raise DatabaseUnavailableError, before a statement gets a connection."""
        self._short_reads = short_reads
        self._target, self._deadline_seconds = target, deadline_seconds
        self._failover, self._outages = target.failover, target.outages
        self._idle = IdleConnections(target.failover)
        self._semaphore = FairSemaphore(size, wait_seconds, "connection", self._outages.pool_exhausted, check_before)
        self._prepares = True

    def usage(self) -> tuple[int, int]:
        """Return the number of connections in use, and their maximum."""
        return self._semaphore.usage()

    async def fetch(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> list[Row]:
        """Return all rows of a statement that may run twice. NUMERIC values are floats, ready for JSON.

        Raises DatabaseUnavailableError when the server is down, frozen or too slow, or when no connection becomes free.
        """
        if self._short_reads and isinstance(sql, ShortSql):
            rows = await self._short_reads.fetch(sql, parameters)
            if rows is not None:
                return rows
        await self._semaphore.acquire()
        try:
            with sql_span(sql):
                if idle := self._idle.take():
                    try:
                        return await self._read(idle, sql, parameters, is_prepared)
                    except CONNECTION_LOST as error:
                        if isinstance(error, (NoAnswerError, *CONNECTION_SURVIVES)):
                            raise
                return await self._read(await self._connect(), sql, parameters, is_prepared)
        except CONNECTION_LOST as error:
            self._outages.statement_failed(error)
            raise DatabaseUnavailableError(str(error).strip()) from error
        finally:
            self._semaphore.release()

    async def write(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> list[Row]:
        """Return the rows of a statement that must not run twice.

        Raises RefusedError when the data or a standby do not allow the statement, OutcomeUnknownError when its answer
        was lost, DatabaseUnavailableError when the statement was not sent or was undone.
        """
        await self._semaphore.acquire()
        try:
            with sql_span(sql):
                connection = await self._open_connection()
                try:
                    return await self._run(connection, sql, parameters, is_prepared)
                except (*REFUSALS, ReadOnlySqlTransaction) as error:
                    raise RefusedError(str(error).strip()) from error
                except CONNECTION_LOST as error:
                    self._outages.statement_failed(error)
                    kind = DatabaseUnavailableError if isinstance(error, CONNECTION_SURVIVES) else OutcomeUnknownError
                    raise kind(str(error).strip()) from error
        finally:
            self._semaphore.release()

    @asynccontextmanager
    async def transaction(self, begin: str = "BEGIN") -> AsyncIterator[AsyncTransaction]:
        """Yield a transaction, and roll it back when the block ends without a commit.

        `begin` is the SQL that starts it. Raises DatabaseUnavailableError when there is no connection; the methods of
        AsyncTransaction raise further errors.
        """
        await self._semaphore.acquire()
        try:
            transaction = AsyncTransaction(await self._open_connection(), self._send, begin, self._outages)
            try:
                yield transaction
            finally:
                await self._finish(transaction)
        finally:
            self._semaphore.release()

    def close(self) -> None:
        """Close the idle connections and the shared one. The pool can still be used afterwards."""
        self._idle.close()
        if self._short_reads:
            self._short_reads.close()

    async def _finish(self, transaction: AsyncTransaction) -> None:
        try:
            if transaction.is_open and not transaction.is_lost:
                await transaction.roll_back()
        finally:
            if transaction.is_open:
                transaction.connection.close()
            else:
                self._idle.append(transaction.connection)

    async def _open_connection(self) -> AsyncConnection:
        """Return an idle connection that the server has not closed, or a new one."""
        if idle := self._idle.take_open():
            return idle
        try:
            return await self._connect()
        except CONNECTION_LOST as error:
            raise DatabaseUnavailableError(str(error).strip()) from error

    async def _connect(self) -> AsyncConnection:
        return await connect(self._target)

    async def _read(
        self, connection: AsyncConnection, sql: str, parameters: Parameters, is_prepared: bool
    ) -> list[Row]:
        """Run a statement that only a primary may answer."""
        control = ONLY_PRIMARY if connection.is_pooled else STATEMENT_ONLY
        return await self._run(connection, sql, parameters, is_prepared, control)

    async def _run(
        self,
        connection: AsyncConnection,
        sql: str,
        parameters: Parameters,
        is_prepared: bool,
        control: TransactionControl = STATEMENT_ONLY,
    ) -> list[Row]:
        """Run one statement, then keep or close the connection. Retry unprepared what could not be prepared."""
        try:
            rows = await self._send(connection, sql, parameters, is_prepared, control)
        except CONNECTION_SURVIVES:
            self._idle.append(connection)
            raise
        except NOT_PREPARED as error:
            connection.close()
            if not is_prepared:
                raise
            logger.debug("statement runs without being prepared: %s", str(error).strip())
            return await self._run(await self._connect(), sql, parameters, False, control)
        except BaseException as error:
            connection.close()
            if isinstance(error, CONNECTION_LOST):
                # The server hangs or has restarted, so the other idle connections are useless too.
                self._idle.close()
            raise
        self._idle.append(connection)
        self._outages.answered()
        return rows

    async def _send(
        self,
        connection: AsyncConnection,
        sql: str,
        parameters: Parameters,
        is_prepared: bool,
        control: TransactionControl = STATEMENT_ONLY,
    ) -> list[Row]:
        """Send a statement, prepared if possible, and `control` in the same round trip."""
        try:
            text = await connection.prepare(sql, self._deadline_seconds) if is_prepared and self._prepares else sql
            return await connection.fetch(control.wrap(text), parameters, self._deadline_seconds)
        except OTHER_CONNECTION as error:
            if self._prepares:
                logger.warning("statements are no longer prepared: %s", str(error).strip())
            self._prepares = False
            raise
        except ReadOnlySqlTransaction:
            self._failover.record()
            raise


def read_pool(target: Target, settings: Settings) -> AsyncPool:
    """Return a pool for reads. Short ones share one of its DB_READ_CONNECTIONS, unless there is only one."""
    shares = settings.db_pipeline and settings.db_read_connections > 1
    return AsyncPool(
        target,
        settings.db_read_connections - shares,
        settings.db_pool_timeout,
        settings.db_statement_timeout + 1,
        PipelinedReads(target) if shares else None,
    )
