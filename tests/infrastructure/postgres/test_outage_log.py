"""Log of database outages: one warning and one line at the end for each, over a server that really fails."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.settings import Settings
from infrastructure.embedded.servers import PostgresServer
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.availability import outage_log
from infrastructure.postgres.availability.outage_log import OutageLog
from infrastructure.postgres.database import Database
from services.system import periodic_work
from tests.servers import address, freeze, kill, postgres_server, restore, thaw

BEGIN, END = "the database is unavailable: ", "the database is available again"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def outages(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> OutageLog:
    """Forget the outages of other tests, and count an outage as over without a quiet time.

    The application of the test session asks another server, which would end an outage here.
    """

    async def do_nothing(_: object) -> None: ...

    monkeypatch.setattr(periodic_work, "attempt", do_nothing)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(outage_log, "QUIET_SECONDS", 0)
    outages = outage_log.outages
    monkeypatch.setattr(outages, "is_out", False)
    return outages


@pytest.fixture
def lines(outages: OutageLog, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return a function that lists the lines about outages, without their first words."""
    return lambda: [record.getMessage() for record in caplog.records if record.name == outage_log.__name__]


def run(server: PostgresServer, statement: str) -> None:
    with closing(server.connect("ecommerce_db")) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)


def user_settings(server: PostgresServer, name: str, **more: Any) -> Settings:
    values: dict[str, Any] = {key.lower(): value for key, value in address(server).items()}
    return Settings(**(values | {"postgres_user": name, "postgres_password": "old", "db_connect_timeout": 1} | more))


def close_pools(database: Database) -> None:
    """Close the asynchronous connections in the event loop that they belong to."""
    for pool in (database.reads, database.writes, database.probe):
        pool.close()


async def ask(database: Database, times: int = 3) -> None:
    """Send statements by all ways, whether they are answered or not."""
    for pool in (database.reads, database.writes, database.probe):
        for _ in range(times):
            with suppress(DatabaseUnavailableError):
                await pool.fetch("SELECT 1", {})
            with suppress(DatabaseUnavailableError):
                await pool.write("SELECT 1", {})
    with suppress(DBAPIError):
        await database.threads.run(lambda: _ask_engine(database))


def _ask_engine(database: Database) -> None:
    with database.sessions() as session:
        session.execute(text("SELECT 1"))


@pytest.fixture
def shop(server: PostgresServer) -> Iterator[Database]:
    run(server, "CREATE ROLE shop LOGIN PASSWORD 'old'")
    database = Database(user_settings(server, "shop"))
    yield database
    database.close()
    restore(server)
    run(server, "DROP ROLE shop")


def test_server_that_is_killed(server: PostgresServer, shop: Database, lines: Callable[[], list[str]]) -> None:
    async def scenario() -> None:
        await ask(shop)
        assert lines() == []
        kill(server)
        await ask(shop)
        [begin] = lines()
        assert re.fullmatch(rf"{BEGIN}.*(Connection refused|closed the connection).*", begin)
        server.start()
        await ask(shop)
        close_pools(shop)

    asyncio.run(scenario())
    assert lines()[1:] == [END]


def test_server_that_hangs(server: PostgresServer, shop: Database, lines: Callable[[], list[str]]) -> None:
    async def scenario() -> None:
        freeze(server)
        await ask(shop, times=1)
        assert lines() == [f"{BEGIN}no answer from the server before the deadline"]
        thaw(server)
        await ask(shop)
        close_pools(shop)

    asyncio.run(scenario())
    assert lines()[1:] == [END]


@pytest.mark.parametrize(
    ("change", "undo", "reason"),
    [
        (
            "ALTER ROLE shop PASSWORD 'new'",
            "ALTER ROLE shop PASSWORD 'old'",
            'FATAL:  password authentication failed for user "shop"',
        ),
        (
            "ALTER ROLE shop CONNECTION LIMIT 1",
            "ALTER ROLE shop CONNECTION LIMIT -1",
            'FATAL:  too many connections for role "shop"',
        ),
        ("ALTER ROLE shop NOLOGIN", "ALTER ROLE shop LOGIN", 'FATAL:  role "shop" is not permitted to log in'),
    ],
)
def test_server_that_refuses(
    server: PostgresServer,
    shop: Database,
    lines: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    undo: str,
    reason: str,
) -> None:
    """Keep one connection, which goes on answering and does not end the outage."""

    async def scenario() -> None:
        await shop.reads.fetch("SELECT 1", {})
        monkeypatch.setattr(outage_log, "QUIET_SECONDS", 5)
        run(server, change)
        await ask(shop)
        await ask(shop)
        [begin] = lines()
        assert begin.startswith(BEGIN)
        assert reason in begin
        assert "old" not in begin
        run(server, undo)
        await ask(shop)
        close_pools(shop)

    asyncio.run(scenario())
    assert lines()[1:] == [END]


def test_connections_that_all_hang(server: PostgresServer, lines: Callable[[], list[str]]) -> None:
    settings = user_settings(
        server, "postgres", postgres_password=server.password, db_read_connections=1, db_pool_timeout=0.1
    )
    database = Database(settings)

    async def scenario() -> None:
        slow = asyncio.create_task(database.reads.fetch("SELECT pg_sleep(1)", {}))
        await asyncio.sleep(0)  # lets the task take the connection
        for _ in range(2):
            with pytest.raises(DatabaseUnavailableError):
                await database.reads.fetch("SELECT 1", {})
        await slow
        database.reads.close()

    asyncio.run(scenario())
    database.close()
    assert lines() == [f"{BEGIN}no connection got free in time", END]


def test_errors_of_statements_are_no_outage(server: PostgresServer, lines: Callable[[], list[str]]) -> None:
    database = Database(user_settings(server, "postgres", postgres_password=server.password))

    async def scenario() -> None:
        for statement in ("SELECT 1/0", "SELECT nothing", "SET LOCAL statement_timeout = 10; SELECT pg_sleep(1)"):
            with suppress(psycopg2.Error, DatabaseUnavailableError):
                await database.reads.fetch(statement, {})
            with suppress(DBAPIError):
                await database.threads.run(lambda: _fail(database))
        database.reads.close()

    def _fail(database: Database) -> None:
        with database.sessions() as session:
            session.execute(text("SELECT 1/0"))

    asyncio.run(scenario())
    database.close()
    assert lines() == []


def test_concurrent_connection_that_began_before_the_failure_ends_nothing(
    outages: OutageLog, lines: Callable[[], list[str]]
) -> None:
    outages.connection_failed(OSError("first"))
    outages.connected(begun=0)
    outages.connection_failed(OSError("second"))
    assert lines() == [f"{BEGIN}first"]


def test_standby_that_refuses_writes_accepts_connections(
    outages: OutageLog, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage_log, "QUIET_SECONDS", 5)
    for _ in range(2):
        outages.statement_failed(psycopg2.OperationalError("refused"))
        outages.connected(begun=outages._failed_at + 1)
        outages.answered()
    assert lines() == [f"{BEGIN}refused"]
