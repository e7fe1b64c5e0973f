"""Short reads of one worker, on a connection that they share."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any

import psycopg
import psycopg2

from infrastructure.observability.tracing import sql_span
from infrastructure.postgres.connect import Target
from infrastructure.postgres.connection import Row
from infrastructure.postgres.pipeline.pipelined_connection import PipelinedConnection
from infrastructure.postgres.prepared_sql import prepared_sql

logger = logging.getLogger(__name__)

REOPEN_SECONDS = 1.0
"""Pause between two attempts to open the connection."""
# PgBouncer has run a statement on another connection than the one that prepared it.
OTHER_CONNECTION = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement)


class PipelinedReads:
    """Client for statements that read few rows by an index. If it cannot run one, the caller runs it in the pool.

    So the pool's rules for lost connections, deadlines and outages hold for all reads.
    """

    def __init__(self, target: Target) -> None:
        self._dsn, self._failover, self._outages = target
        self._connection: PipelinedConnection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._opens_at = 0.0

    async def fetch(self, sql: str, parameters: Mapping[str, Any]) -> list[Row] | None:
        """Return the rows, or None if there is no connection, or it has failed or is late."""
        connection = self._connection
        if connection is None or not connection.is_usable or self._is_outdated(connection):
            self._reopen()
            return None
        statement = prepared_sql(sql)
        values = [str(parameters[name]).encode() for name in statement.parameters]
        with sql_span(sql):
            load = await connection.enqueue(statement, values)
        if load is None:
            return None
        self._outages.answered()
        return load()

    def close(self) -> None:
        """Close the connection. The next read opens another one."""
        if self._opening:
            self._opening.cancel()
        if self._connection:
            self._connection.close()
        self._opening, self._connection, self._opens_at = None, None, 0.0

    def _reopen(self) -> None:
        """Start to open a new connection, unless the present one is only late or the last attempt is recent."""
        connection = self._connection
        if connection and isinstance(connection.error, OTHER_CONNECTION):
            logger.warning("short reads no longer share a connection: %s", str(connection.error).strip())
            self._opens_at = float("inf")
        if connection and (connection.error or connection.is_orphaned or self._is_outdated(connection)):
            connection.close()
            self._connection = connection = None
        if self._opening and self._opening.get_loop().is_closed():
            self._opening = None
        if connection is None and self._opening is None and monotonic() >= self._opens_at:
            self._opens_at = monotonic() + REOPEN_SECONDS
            self._opening = asyncio.create_task(self._open())

    def _is_outdated(self, connection: PipelinedConnection) -> bool:
        return self._failover.is_obsolete(connection.opened_at, connection.server)

    async def _open(self) -> None:
        begun = monotonic()
        try:
            opened = await psycopg.AsyncConnection.connect(**self._dsn, autocommit=True)
            try:
                async with asyncio.timeout(self._dsn["connect_timeout"]):
                    server = await self._failover.identify_async(partial(_fetch, opened), opened.info.backend_pid)
            except BaseException:
                await opened.close()
                raise
            self._connection = PipelinedConnection(opened, begun, server)
            self._failover.connections.add(self._connection)
        except (psycopg.Error, psycopg2.Error, TimeoutError) as error:
            logger.debug("short reads use the pool: %s", str(error).strip())
        finally:
            self._opening = None


async def _fetch(connection: psycopg.AsyncConnection[Any], sql: str) -> list[Row]:
    return await (await connection.execute(sql.encode())).fetchall()
