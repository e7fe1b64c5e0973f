"""Personal data in logs and metrics: none, whatever the service or PostgreSQL reports."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 # a class with the name of a variable

from infrastructure.embedded.servers import PRIVATE_LOG, PostgresServer
from tests.factories import Object
from tests.load import Caller, ask
from tests.servers import ROOT, App, address, postgres_server, running_app, until

CLIENT = {
    "name": "Zerlina",
    "lastname": "Quibblewick",
    "email": "zq@quibblewick.example",
    "telephone": "+5491144556677",
}
ADDRESS = {"street": "Xanadu Crescent", "city": "Ozymandia"}
COMMENT = "Murgatroyd adored it"
SECRETS = ("zerlina", "quibblewick", "91144556677", "xanadu", "ozymandia", "murgatroyd")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


def leaks(text: str) -> list[str]:
    return [line for line in text.splitlines() if any(secret in line.lower() for secret in SECRETS)]


def test_logs_of_a_service_that_refuses_and_fails(tmp_path: Path, postgres: PostgresServer) -> None:
    more = {"REDIS_ENABLED": "false", "LOG_LEVEL": "DEBUG", "ACCESS_LOG": "true", "AUDIT_ENABLED": "true"}
    with running_app(tmp_path, address(postgres) | more | {"DB_LOCK_TIMEOUT": "0.2"}) as app:
        made = ask(app.url, "POST", "/clients", CLIENT)
        assert made.status == 201
        statuses = refused(app, made.json()["id_key"], postgres)
        assert statuses == [409, 409, 409, 422, 404, 404, 404, 200, 200, 422, 503, 500, 500]
        metrics = ask(app.url, "GET", "/metrics").body.decode()
        assert app.stop() == 0
    logs = {name: (tmp_path / name).read_text() for name in ("output.log", "logs/app.log", "logs/error.log")}
    assert "UndefinedColumn" in logs["logs/error.log"]
    postgres_log = postgres.log.read_text()
    assert "duplicate key value violates unique constraint" in postgres_log
    for text in (*logs.values(), postgres_log, metrics):
        assert leaks(text) == []


def refused(app: App, id_key: int, postgres: PostgresServer) -> list[int]:
    """Return the statuses of requests that are refused or fail, in every way that reaches the database."""
    other = ask(app.url, "POST", "/clients", {**CLIENT, "email": "other@quibblewick.example"}).json()["id_key"]
    where = f"/clients/{id_key}"
    statuses = [
        ask(app.url, "POST", "/clients", CLIENT).status,
        post_once(app, "/clients", CLIENT),
        ask(app.url, "PATCH", f"/clients/{other}", {"email": CLIENT["email"]}).status,
        ask(app.url, "POST", "/clients", {**CLIENT, "name": "Zerlina" * 100}).status,
        ask(app.url, "POST", "/addresses", {**ADDRESS, "client_id": 10**9}).status,
        ask(app.url, "PATCH", f"/addresses/{10**9}", ADDRESS).status,
        ask(app.url, "POST", "/reviews", {"rating": 5, "comment": COMMENT, "product_id": 10**9}).status,
        ask(app.url, "GET", f"/clients?email={CLIENT['email']}").status,
        ask(app.url, "GET", "/clients?q=zerlina+quibblewick").status,
        ask(app.url, "GET", f"/clients/{CLIENT['email']}").status,
    ]
    with postgres.connect("ecommerce_db") as blocking, blocking.cursor() as cursor:
        cursor.execute("SELECT FROM clients FOR UPDATE")
        statuses.append(ask(app.url, "PATCH", where, {"lastname": "Quibblewick"}).status)
    blocking.close()
    run(postgres, "ALTER TABLE clients RENAME COLUMN name TO hidden")
    statuses.append(ask(app.url, "POST", "/clients", CLIENT).status)
    statuses.append(ask(app.url, "PATCH", where, {"lastname": "Murgatroyd"}).status)
    run(postgres, "ALTER TABLE clients RENAME COLUMN hidden TO name")
    return statuses


def post_once(app: App, path: str, body: Object) -> int:
    with Caller(app.url) as call:
        return call("POST", path, body, **{"Idempotency-Key": "k"}).status


def run(postgres: PostgresServer, *statements: str) -> None:
    connection = postgres.connect("ecommerce_db")
    connection.autocommit = True
    for statement in statements:
        with connection.cursor() as cursor, suppress(psycopg2.Error):
            cursor.execute(statement)
    connection.close()


def test_log_of_a_postgres_whose_statements_fail(postgres: PostgresServer) -> None:
    """Fail in SQL as operators, scripts and other programs do: constraints, deadlock, timeout, cancel, crash."""
    row, slow = "'Zerlina', 'zq@quibblewick.example'", "SELECT pg_sleep(30), 'Zerlina'"
    run(
        postgres,
        "CREATE TABLE people (name text CHECK (name <> 'Murgatroyd'), email text PRIMARY KEY, age int NOT NULL)",
        f"INSERT INTO people VALUES ({row}, 1), ('Quibblewick', 'other', 1)",
        f"INSERT INTO people VALUES ({row}, 1)",
        f"INSERT INTO people VALUES ({row}, NULL)",
        "INSERT INTO people VALUES ('Murgatroyd', 'x', 1)",
        "INSERT INTO people (nothing) VALUES ('Zerlina')",
        "PREPARE p AS INSERT INTO people VALUES ($1, $2, 1)",
        f"EXECUTE p({row})",
        f"SET statement_timeout = '50ms'; {slow}",
        "SET log_lock_waits = on",
    )
    deadlock(postgres)
    for function in ("pg_cancel_backend", "pg_terminate_backend"):
        with in_thread(postgres, slow):
            run(postgres, f"SELECT {function}({sleeping(postgres)})")
    with in_thread(postgres, slow):
        os.kill(sleeping(postgres), signal.SIGKILL)
    until(lambda: "server process" in postgres.log.read_text() and can_connect(postgres))
    log = postgres.log.read_text()
    for message in ("duplicate key", "not-null", "check constraint", "deadlock", "statement timeout", "user request"):
        assert message in log
    assert "terminated by signal 9" in log
    assert leaks(log) == []


class in_thread:  # noqa: N801 # reads like a function
    """Run a statement in a thread, and join it."""

    def __init__(self, postgres: PostgresServer, statement: str) -> None:
        self._thread = threading.Thread(target=run, args=(postgres, statement))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._thread.join()


def sleeping(postgres: PostgresServer) -> int:
    def find() -> int | None:
        connection = postgres.connect("ecommerce_db")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
            row = cursor.fetchone()
        connection.close()
        return row[0] if row else None

    return until(find) or 0


def can_connect(postgres: PostgresServer) -> bool:
    try:
        postgres.connect("ecommerce_db").close()
    except psycopg2.OperationalError:
        return False
    return True


def deadlock(postgres: PostgresServer) -> None:
    """Let two transactions wait for each other. Statements with personal data wait on both sides."""
    first, second = (postgres.connect("ecommerce_db") for _ in range(2))
    names = ("'Zerlina'", "'Quibblewick'")
    for connection, name in zip((first, second), names, strict=True):
        update(connection, name)
    waiting = threading.Thread(target=update, args=(first, names[1]))
    waiting.start()
    update(second, names[0])
    waiting.join()
    for connection in (first, second):
        connection.close()


def update(connection: Connection, name: str) -> None:
    with connection.cursor() as cursor, suppress(psycopg2.errors.DeadlockDetected):
        cursor.execute(f"SET deadlock_timeout = '50ms'; UPDATE people SET age = 2 WHERE name = {name}")


@pytest.mark.parametrize("file", ["docker-compose.yaml", "docker-compose.production.yaml", "docs/OPERATIONS.md"])
def test_containers_and_the_guide_have_the_same_settings(file: str) -> None:
    text = (ROOT / file).read_text()
    template = "-c{}={}" if file.endswith("yaml") else "{} = {}"
    assert [template.format(*item) for item in PRIVATE_LOG.items() if template.format(*item) not in text] == []
