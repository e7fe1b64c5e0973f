"""Behaviour of psycopg2 and libpq that the asynchronous client relies on and that their documentation does not promise.

Run it after every change of the pinned version.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, extensions

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import SUPERUSER
from infrastructure.postgres.transaction import CONNECTION_SURVIVES, CONNECTION_UNUSABLE, REFUSALS
from tests.infrastructure.pins import assert_pinned
from tests.servers import PASSWORD, until

SECONDS = 10

OpenConnection = Callable[..., Any]


def dsn(settings: Settings, **changes: Any) -> dict[str, Any]:
    return {
        "host": LOOPBACK,
        "hostaddr": settings.postgres_host,
        "port": settings.postgres_port,
        "user": SUPERUSER,  # only it may make temporary tables
        "password": PASSWORD,
        "dbname": settings.postgres_db,
        **changes,
    }


def wait(connection: Any) -> list[int]:
    """Poll until the connection is ready. Return all states before that."""
    states = []
    while (state := connection.poll()) != extensions.POLL_OK:
        states.append(state)
        descriptors = [connection.fileno()]
        readers, writers = (descriptors, []) if state == extensions.POLL_READ else ([], descriptors)
        assert any(select.select(readers, writers, [], SECONDS)), "the server does not answer"
    return states


def run(connection: Any, sql: str, parameters: dict[str, Any] | None = None) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    wait(connection)
    return cursor.fetchall() if cursor.description else []


@pytest.fixture
def open_connection(settings: Settings) -> Iterator[OpenConnection]:
    opened = []

    def connect(**changes: Any) -> Any:
        connection = psycopg2.connect(**dsn(settings, **changes), async_=True)
        opened.append(connection)
        wait(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(open_connection: OpenConnection) -> Any:
    return open_connection()


def test_installed_version_is_the_pinned_one() -> None:
    assert_pinned("psycopg2-binary")


def test_connect_returns_before_the_connection_is_open(settings: Settings) -> None:
    connection = psycopg2.connect(**dsn(settings), async_=True)
    assert connection.status == extensions.STATUS_SETUP
    assert set(wait(connection)) == {extensions.POLL_READ, extensions.POLL_WRITE}
    assert connection.status == extensions.STATUS_READY
    assert connection.poll() == extensions.POLL_OK
    connection.close()


def test_connect_continues_with_the_next_address(settings: Settings, open_connection: OpenConnection) -> None:
    addresses, port = f"{LOOPBACK},{LOOPBACK}", settings.postgres_port
    connection = open_connection(host="first.test,second.test", hostaddr=addresses, port=f"{free_port()},{port}")
    assert run(connection, "SHOW port") == [(str(port),)]
    assert connection.info.host == "second.test"


def test_connect_timeout_does_not_apply(settings: Settings) -> None:
    """Wait longer than libpq's timeout. The client needs its own deadline."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        address = {"hostaddr": LOOPBACK, "port": silent.getsockname()[1], "connect_timeout": 2}
        connection = psycopg2.connect(**dsn(settings, **address), async_=True)
        end = time.monotonic() + 2.5
        while (state := connection.poll()) == extensions.POLL_WRITE:
            select.select([], [connection.fileno()], [], SECONDS)
        while (left := end - time.monotonic()) > 0:
            assert not any(select.select([connection.fileno()], [], [], left))
        assert state == connection.poll() == extensions.POLL_READ
        connection.close()


def test_statements_commit_by_themselves(connection: Any) -> None:
    assert connection.autocommit
    run(connection, "SELECT 1")
    assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE


def test_transaction_control_shares_a_trip_with_a_statement(connection: Any) -> None:
    assert run(connection, "BEGIN; SELECT %(number)s", {"number": 1}) == [(1,)]
    assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_INTRANS
    assert run(connection, "SELECT 2; COMMIT") == []
    assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE


def test_only_one_statement_runs_at_a_time(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    with pytest.raises(psycopg2.ProgrammingError, match="cannot be used while an asynchronous query is underway"):
        connection.cursor().execute("SELECT 2")
    wait(connection)
    assert run(connection, "SELECT 3") == [(3,)]


def test_a_running_statement_needs_a_reference_to_its_cursor(connection: Any) -> None:
    """Drop the cursor. The connection holds a weak reference only."""
    connection.cursor().execute("SELECT 1")
    with pytest.raises(psycopg2.InterfaceError, match="cursor has disappeared"):
        wait(connection)


def test_percent_signs_are_escaped_only_with_parameters(connection: Any) -> None:
    """Send doubled signs with and without parameters, as EXECUTE and PREPARE do."""
    assert run(connection, "SELECT '100%%'", {}) == [("100%",)]
    assert run(connection, "SELECT '100%%'", None) == [("100%%",)]


def test_parameters_become_literals_of_execute(connection: Any) -> None:
    run(connection, "PREPARE greet AS SELECT $1 || $2")
    values = {"first": "it's", "second": "100%", "unused": 1}
    assert run(connection, "EXECUTE greet (%(first)s, %(second)s)", values) == [("it's100%",)]
    assert run(connection, "SELECT count(*) FROM pg_prepared_statements") == [(1,)]


def test_type_casters_belong_to_a_connection(open_connection: OpenConnection) -> None:
    caster = extensions.new_type((1700,), "NUMBER", lambda text, _cursor: [text])
    first, second = open_connection(), open_connection()
    extensions.register_type(caster, first)
    assert run(first, "SELECT 1.10") == [(["1.10"],)]
    assert run(second, "SELECT 1.10::float8 = %(number)s", {"number": 1.1}) == [(True,)]
    assert str(run(second, "SELECT 1.10")[0][0]) == "1.10"


PREPARE_TWICE = ("PREPARE twice AS SELECT 1", "PREPARE twice AS SELECT 1")
CHANGE_TYPE = (
    "CREATE TEMPORARY TABLE labels (name varchar(9))",
    "PREPARE read AS SELECT name FROM labels",
    "ALTER TABLE labels ALTER COLUMN name TYPE text",
    "EXECUTE read",
)

ERRORS: dict[str, tuple[tuple[str, ...], type[psycopg2.Error]]] = {
    "unknown prepared statement": (("EXECUTE nothing",), errors.InvalidSqlStatementName),
    "prepared twice": (PREPARE_TWICE, errors.DuplicatePreparedStatement),
    "changed result type": (CHANGE_TYPE, errors.FeatureNotSupported),
    "constraint": (("INSERT INTO categories (name) VALUES (NULL)",), errors.NotNullViolation),
    "data": (("SELECT 1 / 0",), errors.DivisionByZero),
    "statement timeout": (("SET statement_timeout = 50", "SELECT pg_sleep(10)"), extensions.QueryCanceledError),
    "read-only": (("BEGIN READ ONLY; DELETE FROM categories",), errors.ReadOnlySqlTransaction),
}


@pytest.mark.parametrize(("statements", "kind"), ERRORS.values(), ids=ERRORS)
def test_errors_come_from_poll_and_leave_the_connection_open(
    connection: Any, statements: tuple[str, ...], kind: type[psycopg2.Error]
) -> None:
    *before, failing = statements
    for statement in before:
        run(connection, statement)
    cursor = connection.cursor()
    cursor.execute(failing)
    with pytest.raises(kind):
        wait(connection)
    assert connection.closed == 0
    run(connection, "ROLLBACK")
    assert run(connection, "SELECT 1") == [(1,)]


def test_lock_timeout_leaves_the_connection_open(open_connection: OpenConnection) -> None:
    holder, waiter = open_connection(), open_connection()
    run(holder, "BEGIN; LOCK TABLE categories")
    with pytest.raises(errors.LockNotAvailable):
        run(waiter, "SET lock_timeout = 50; SELECT 1 FROM categories")
    assert run(waiter, "SELECT 1") == [(1,)]
    run(holder, "ROLLBACK")


def test_error_classes_are_related_as_the_client_expects() -> None:
    """Check the relations that decide the order of the client's `except` clauses."""
    assert not any(issubclass(kind, psycopg2.OperationalError) for kind in CONNECTION_UNUSABLE)
    retried = {errors.DeadlockDetected, errors.SerializationFailure}
    assert all(issubclass(kind, extensions.TransactionRollbackError) for kind in retried)
    operational = (extensions.TransactionRollbackError, extensions.QueryCanceledError, errors.LockNotAvailable)
    assert all(issubclass(kind, psycopg2.OperationalError) for kind in operational)
    assert set(operational) <= set(CONNECTION_SURVIVES)
    assert issubclass(errors.AdminShutdown, psycopg2.OperationalError)
    assert not issubclass(errors.AdminShutdown, (*CONNECTION_SURVIVES, *REFUSALS))


def test_idle_connection_becomes_readable_when_the_server_ends_it(open_connection: OpenConnection) -> None:
    idle, other = open_connection(), open_connection()
    run(idle, "SELECT 1")
    assert not any(select.select([idle.fileno()], [], [], 0)), "no bytes are left after an answer"
    run(other, "SELECT pg_terminate_backend(%(pid)s)", {"pid": idle.info.backend_pid})
    until(lambda: any(select.select([idle.fileno()], [], [], 0)))
    assert idle.closed == 0, "psycopg2 does not notice by itself"
    with pytest.raises(psycopg2.OperationalError):
        run(idle, "SELECT 1")
    assert idle.closed


def test_running_statement_fails_when_the_server_ends_its_connection(open_connection: OpenConnection) -> None:
    running, other = open_connection(), open_connection()
    cursor = running.cursor()
    cursor.execute("SELECT pg_sleep(30)")
    assert running.poll() == extensions.POLL_READ
    run(other, "SELECT pg_terminate_backend(%(pid)s)", {"pid": running.info.backend_pid})
    with pytest.raises(psycopg2.OperationalError):
        wait(running)
    assert running.closed


class CallbackError(Exception):
    """Error of a wait callback."""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Install a wait callback that records the status of each connection, and fails on the third call."""
    statuses: list[int] = []

    def callback(connection: Any) -> None:
        statuses.append(connection.status)
        if len(statuses) == 3:
            raise CallbackError
        wait(connection)

    before = extensions.get_wait_callback()
    extensions.set_wait_callback(callback)
    yield statuses
    extensions.set_wait_callback(before)


def test_wait_callback_covers_connecting_and_every_statement(settings: Settings, waits: list[int]) -> None:
    """Fail in the callback. The caller gets the error, and psycopg2 closes the connection."""
    connection = psycopg2.connect(**dsn(settings))
    assert waits == [extensions.STATUS_SETUP]
    cursor = connection.cursor()
    with pytest.raises(CallbackError):
        cursor.execute("SELECT 1")  # BEGIN, then the statement
    assert waits[1:] == [extensions.STATUS_READY, extensions.STATUS_BEGIN]
    assert connection.closed


def test_wait_callback_ignores_asynchronous_connections(settings: Settings, waits: list[int]) -> None:
    connection = psycopg2.connect(**dsn(settings), async_=True)
    wait(connection)
    assert run(connection, "SELECT 1") == [(1,)]
    connection.close()
    assert waits == []
