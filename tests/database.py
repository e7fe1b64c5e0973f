"""Database of one test: an outer transaction holds all changes and is rolled back at the end."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, NestedTransaction, event, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from config.settings import Settings
from infrastructure.exceptions import RefusedError
from infrastructure.postgres.database import Database
from infrastructure.postgres.pool import AsyncPool, Row
from infrastructure.postgres.roles import OWNER
from repositories.product_repository import ProductRepository
from repositories.statements.statement import Statement
from schemas.product_schema import ProductFilters


class _SavepointPool(AsyncPool):
    """Pool that runs single statements on the connection of the test's transaction."""

    def __init__(self, connection: Connection, lock: threading.RLock) -> None:
        self._connection, self._lock = connection, lock

    async def fetch(self, sql: str, parameters: Mapping[str, Any], is_prepared: bool = False) -> list[Row]:
        return await asyncio.to_thread(self._run_in_savepoint, sql, parameters)

    async def write(self, sql: str, parameters: Mapping[str, Any], is_prepared: bool = False) -> list[Row]:
        try:
            return await self.fetch(sql, parameters)
        except (IntegrityError, DataError) as error:
            raise RefusedError(str(error)) from error

    def usage(self) -> tuple[int, int]:
        return 0, 1

    def _run_in_savepoint(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        with self._lock, self._connection.begin_nested():
            result = self._connection.exec_driver_sql(sql, dict(parameters))
            rows = result.all() if result.returns_rows else []
        return [tuple(float(value) if isinstance(value, Decimal) else value for value in row) for row in rows]

    @asynccontextmanager
    async def transaction(self, begin: str = "BEGIN") -> AsyncIterator[Any]:
        """Yield a savepoint in the place of a transaction."""
        savepoint = _Savepoint(self, self._connection.begin_nested())
        try:
            yield savepoint
        finally:
            if savepoint.nested.is_active:
                savepoint.nested.rollback()

    def close(self) -> None:
        """Do nothing: the connection belongs to the test."""


class _Savepoint:
    def __init__(self, within: _SavepointPool, nested: NestedTransaction) -> None:
        self._within, self.nested = within, nested

    async def run(self, sql: str, parameters: Mapping[str, Any], is_prepared: bool = False) -> list[Row]:
        return await self._within.write(sql, parameters)

    async def commit(self, sql: str, parameters: Mapping[str, Any], is_prepared: bool = False) -> None:
        await self._within.write(sql, parameters)
        self.nested.commit()


class TransactionalDatabase(Database):
    """Database in which each transaction is a savepoint. Tests of commits, locks and concurrency need a plain one."""

    def __init__(self, settings: Settings, connection: Connection, lock: threading.RLock) -> None:
        super().__init__(settings)
        self.connection = connection
        self.sessions = sessionmaker(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        self.reads = self.writes = self.exports = _SavepointPool(connection, lock)


@contextmanager
def outer_transaction(database: Database, settings: Settings) -> Iterator[TransactionalDatabase]:
    with database.engine.connect() as connection, connection.begin() as transaction:
        within = TransactionalDatabase(settings, connection, threading.RLock())
        yield within
        transaction.rollback()
        within.close()


@contextmanager
def as_owner(connection: Connection | Session) -> Iterator[None]:
    """Run statements of the connection's transaction as the owner of the tables, whom the service's role may become."""
    connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
    yield
    connection.execute(text("SET LOCAL ROLE NONE"))


def analyze(table: str) -> str:
    """Return SQL that updates the planner's statistics of a table within a transaction, which only its owner may do."""
    return f"SET LOCAL ROLE {OWNER}; ANALYZE {table}; SET LOCAL ROLE NONE;"


def many_rows(table: str, insertion: str) -> str:
    """Return SQL that inserts rows without the table's triggers, and analyzes the table.

    The plans within triggers are made for a table that is still empty, so thousands of rows could take them minutes.
    """
    return f"""
        SET LOCAL ROLE {OWNER}; ALTER TABLE {table} DISABLE TRIGGER USER;
        {insertion};
        ALTER TABLE {table} ENABLE TRIGGER USER; ANALYZE {table}; SET LOCAL ROLE NONE;
    """


@retry(retry=retry_if_exception_type(OperationalError), stop=stop_after_attempt(5), reraise=True)
def empty_tables(database: Database) -> None:
    """Delete all rows after a test that commits. The workers lock the tables in another order: that may deadlock."""
    with database.engine.begin() as connection, as_owner(connection):
        tables = "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE tableowner = current_user"
        names = connection.scalars(text(f"{tables} AND tablename <> 'alembic_version'")).one()
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))


class StatementCounter:
    """Counter of statements that reach the database, without the savepoints of the tests."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def counted_statements(database: Database) -> Iterator[StatementCounter]:
    counter = StatementCounter()

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SAVEPOINT" not in statement:
            counter.statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield counter
    finally:
        event.remove(database.engine, "before_cursor_execute", count)


def executed_plan(connection: Connection, statement: Statement) -> dict[str, Any]:
    """Run a statement and return PostgreSQL's plan with the actual number of rows of each node."""
    explain = f"EXPLAIN (ANALYZE, COSTS OFF, FORMAT JSON) {statement.sql}"
    [[explained]] = connection.exec_driver_sql(explain, statement.parameters).scalars()
    plan: dict[str, Any] = explained["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def found(connection: Connection, q: str) -> int:
    """Search for products in two orders and return the number found. Only the order of keys scans the table."""
    counts = set()
    for sort in ("id_key", "-price"):
        statement = ProductRepository.page(ProductFilters(q=q, sort=sort, limit=1000), ("id_key", "name", "price"))
        counts.add(len(connection.exec_driver_sql(statement.sql, statement.parameters).all()))
    [count] = counts
    return count
