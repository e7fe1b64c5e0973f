"""Seals of the audit log: they cover every entry once, survive an erasure, and show any later change."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, text

from config.settings import Settings
from infrastructure.postgres.database import Database
from main import create_app_context
from repositories.checks.consistency_check import disagreements
from services.context.app_context import AppContext
from services.transactions.audit_upkeep import seal_entries
from tests.database import as_owner, empty_tables
from tests.servers import until

ADD = "INSERT INTO audit (principal, request_id, method, path, status) SELECT '', n, 'POST', '/products', 201 FROM "
MANY, ONE = ADD + "generate_series(1, 25000) AS n", ADD + "generate_series(1, 1) AS n"


@pytest.fixture
def log(settings: Settings, committing_client: TestClient) -> Iterator[AppContext]:
    """Yield an application on a database with real commits, whose ids begin at 1; it is emptied afterwards."""
    empty_tables(committing_client.app.state.app_context.database)  # type: ignore[attr-defined] # the type is ASGI's
    app_context = create_app_context(settings.model_copy(update={"redis_enabled": False}))
    yield app_context
    app_context.database.close()


def run(app: AppContext, *statements: str) -> None:
    with app.database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def tamper(app: AppContext, *statements: str) -> None:
    """Run statements that the service's role may not run."""
    with app.database.engine.begin() as connection, as_owner(connection):
        for statement in statements:
            connection.execute(text(statement))


def seal(app: AppContext) -> int:
    return asyncio.run(seal_entries(app))


def found(app: AppContext) -> list[str]:
    with app.database.engine.connect() as connection:
        return [item.problem for item in disagreements(connection) if item.check == "audit log"]


def batches(app: AppContext) -> list[tuple[int, int, int]]:
    with app.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT number, last_id, entries FROM audit_seals ORDER BY number"))
        return [tuple(row) for row in rows]


def test_entries_are_sealed_in_batches(log: AppContext, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert seal(log) == 0
    run(log, MANY)
    assert seal(log) == 3
    assert batches(log) == [(1, 10_000, 10_000), (2, 20_000, 10_000), (3, 25_000, 5_000)]
    assert seal(log) == 0
    assert found(log) == []
    assert sum("audit batch" in record.getMessage() for record in caplog.records) == 3


@pytest.fixture
def sealed(log: AppContext) -> AppContext:
    """Seal three batches of three entries."""
    for _ in range(3):
        run(log, ONE, ONE, ONE)
        assert seal(log) == 1
    return log


BATCH = "batch {}, entries {} to {}: {}"
TAMPERED = [
    ("UPDATE audit SET status = 200 WHERE id_key = 5", BATCH.format(2, 4, 6, "the entries are not those sealed")),
    ("UPDATE audit SET created_at = now() WHERE id_key = 1", BATCH.format(1, 1, 3, "the entries are not those sealed")),
    ("DELETE FROM audit WHERE id_key = 9", BATCH.format(3, 7, 9, "the entries are not those sealed")),
    (
        "INSERT INTO audit (id_key, principal, request_id, method, path, status) VALUES (0, '', '', 'POST', '/x', 201)",
        BATCH.format(1, 1, 3, "the entries are not those sealed"),
    ),
    ("UPDATE audit_seals SET entries = 2 WHERE number = 2", BATCH.format(2, 4, 6, "the seal is wrong")),
    ("UPDATE audit_seals SET digest = '' WHERE number = 3", BATCH.format(3, 7, 9, "the seal is wrong")),
    ("DELETE FROM audit_seals WHERE number = 1", BATCH.format(2, 1, 6, "the batch before is missing")),
    ("UPDATE audit_seals SET removed_at = now() WHERE number = 1", BATCH.format(1, 1, 3, "removed entries are there")),
]


@pytest.mark.parametrize(("statement", "problem"), TAMPERED)
def test_tampering_is_found(sealed: AppContext, statement: str, problem: str) -> None:
    assert found(sealed) == []
    tamper(sealed, statement)
    assert found(sealed) == [problem]


def test_replaced_entries_with_a_new_digest_break_the_chain(sealed: AppContext) -> None:
    """Expect that the seals after the forged one disagree: a forger has to replace all of them."""
    digest = "(SELECT (audit_digest(3, 6)).digest)"
    forged = (
        f"UPDATE audit_seals SET digest = {digest}, seal = audit_seal((SELECT seal FROM audit_seals WHERE number = 1)"
    )
    tamper(sealed, "DELETE FROM audit WHERE id_key = 5", f"{forged}, 2, 6, entries, {digest}) WHERE number = 2")
    assert found(sealed) == [BATCH.format(3, 7, 9, "the seal is wrong")]


def test_an_entry_that_commits_late_is_sealed(log: AppContext) -> None:
    """Let the seal wait for a transaction with a smaller id, and give up if it takes too long."""
    with log.database.engine.connect() as late:
        late.execute(text(ONE))
        run(log, ONE)
        assert seal(log) == 0
        assert batches(log) == []
        waiting = threading.Thread(target=seal, args=(log,))
        waiting.start()
        until(lambda: _is_sealing(log))
        late.commit()
        waiting.join()
    assert batches(log) == [(1, 2, 2)]
    assert found(log) == []


def _is_sealing(log: AppContext) -> bool:
    with log.database.engine.connect() as connection:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = x'5345414c'::bigint::oid"
        return bool(connection.scalar(text(locks)))


def test_entries_of_a_rollback_leave_a_gap(log: AppContext) -> None:
    with log.database.engine.connect() as undone:
        undone.execute(text(ONE))
        undone.rollback()
    run(log, ONE)
    assert seal(log) == 1
    assert batches(log) == [(1, 2, 1)]
    assert found(log) == []


def test_writers_and_sealers_at_the_same_time(log: AppContext, committing: Database) -> None:
    """Seal all the time while transactions commit in any order: every entry ends in exactly one batch."""
    is_over = threading.Event()

    def write() -> None:
        for number in range(40):
            with committing.engine.connect() as connection:
                connection.execute(text(ONE))
                connection.execute(text("SELECT pg_sleep(0.005)"))
                connection.commit() if number % 5 else connection.rollback()

    def keep_sealing() -> None:
        while not is_over.is_set():
            seal(log)

    writers = [threading.Thread(target=write) for _ in range(6)]
    sealer = threading.Thread(target=keep_sealing)
    for thread in (*writers, sealer):
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    sealer.join()
    seal(log)
    assert sum(entries for _, _, entries in batches(log)) == 6 * 32
    assert found(log) == []


def test_only_one_session_seals(log: AppContext, committing: Database) -> None:
    run(log, ONE)
    with committing.engine.connect() as other:
        assert other.scalar(text("SELECT number FROM seal_audit()")) == 1
        assert seal(log) == 0
        other.rollback()
    assert seal(log) == 1


def test_seals_need_to_see_later_commits(log: AppContext, superuser: Engine) -> None:
    """Seal in a database whose transactions are serializable: the service chooses its isolation itself."""
    run(log, ONE)
    with superuser.connect() as connection:
        connection.execute(text("ALTER DATABASE ecommerce_db SET default_transaction_isolation = 'serializable'"))
    log.database.engine.dispose()
    try:
        assert seal(log) == 1
        with log.database.engine.connect() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
            with pytest.raises(Exception, match="needs READ COMMITTED"):
                connection.execute(text("SELECT seal_audit()"))
    finally:
        with superuser.connect() as connection:
            connection.execute(text("ALTER DATABASE ecommerce_db RESET default_transaction_isolation"))
        log.database.engine.dispose()


def test_an_erased_client_breaks_no_seal(log: AppContext) -> None:
    about = (
        "INSERT INTO audit (principal, request_id, method, path, status) "
        "SELECT 'client:' || audit_pseudonym(key), 'r', 'PATCH', audit_path(key, true, 'r', '/orders/9'), 200 "
        "FROM audit_key(1) AS key"
    )
    run(log, "INSERT INTO clients (name, lastname, email) VALUES ('Ada', 'L', 'ada@x.co')", about)
    assert seal(log) == 1
    run(log, "DELETE FROM clients")
    assert found(log) == []


def test_old_entries_are_removed_in_batches(sealed: AppContext) -> None:
    run(sealed, ONE)
    with sealed.database.engine.begin() as connection, as_owner(connection):
        assert remove(connection, "'-infinity'") == 0
        connection.execute(text("UPDATE audit SET created_at = '2020-01-01' WHERE id_key < 6"))
        connection.execute(text("TRUNCATE audit_seals"))
    assert seal(sealed) == 1
    run(sealed, ONE)
    assert seal(sealed) == 1
    with sealed.database.engine.begin() as connection, as_owner(connection):
        assert remove(connection, "'2021-01-01'") == 0
        assert remove(connection, "now() + interval '1 day'") == 11
        assert connection.scalar(text("SELECT count(*) FROM audit")) == 0
    run(sealed, ONE)
    assert seal(sealed) == 1
    assert found(sealed) == []


def remove(connection: Connection, before: str) -> int:
    removed: int = connection.scalar(text(f"SELECT remove_audit_entries({before})"))
    return removed


def test_the_service_seals_by_itself(settings: Settings, log: AppContext) -> None:
    from main import create_fastapi_app

    changed = {"audit_enabled": True, "audit_interval": 1, "redis_enabled": False}
    with TestClient(create_fastapi_app(settings.model_copy(update=changed))) as client:
        assert client.post("/categories", json={"name": "Toys"}).status_code == 201
        until(lambda: batches(log))
    assert found(log) == []
