"""Failover: writes are unavailable on a standby, and then find the new primary."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from config.settings import Settings
from infrastructure.exceptions import DatabaseUnavailableError, OutcomeUnknownError, RefusedError
from infrastructure.postgres.availability import failover
from infrastructure.postgres.availability.failover import FailoverDetector
from infrastructure.postgres.database import Database
from infrastructure.postgres.pool import AsyncPool
from services.rendering import Created
from services.transactions.unit_of_work import UnitOfWork
from tests.controllers.http.test_errors import assert_unavailable, replaced_database
from tests.factories import Factory
from tests.services.transactions.test_unit_of_work import MADE, Transactions, Work

INSERT = "INSERT INTO categories (name) VALUES (%(name)s) RETURNING id_key"
TOYS = {"name": "Toys"}


@contextmanager
def standby(superuser: Engine, settings: Settings) -> Iterator[None]:
    """Make all connections that are opened meanwhile read-only for good, as connections to a standby are."""
    change = f"ALTER DATABASE {settings.postgres_db} {{}} default_transaction_read_only"
    with superuser.connect() as primary:
        primary.execute(text(f"{change.format('SET')} = on"))
        try:
            yield
        finally:
            primary.execute(text(change.format("RESET")))


def test_writes_on_a_standby_are_503_and_reads_succeed(
    app: FastAPI, committing_client: TestClient, superuser: Engine, settings: Settings
) -> None:
    client = committing_client
    product = Factory(client).product()
    customer = Factory(client).customer()["id_key"]
    items = [{"product_id": product["id_key"], "quantity": 1}]
    checkout = {"client_id": customer, "delivery_method": 1, "payment_type": "cash", "items": items}
    with standby(superuser, settings), replaced_database(app, Database(settings)):
        for key in ({}, {"Idempotency-Key": "a key"}):
            assert_unavailable(client.post("/categories", json=TOYS, headers=key))
            assert_unavailable(client.post("/orders/checkout", json=checkout, headers=key))
        assert_unavailable(client.patch(f"/products/{product['id_key']}", json={"stock": 5}))
        assert_unavailable(client.delete(f"/products/{product['id_key']}"))
        assert client.get(f"/clients/{customer}").status_code == 200
    assert client.get(f"/products/{product['id_key']}").json() == product


def test_all_pools_find_the_new_primary(
    app: FastAPI,
    committing_client: TestClient,
    superuser: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Leave the connections to the standby open: nothing closes them in a real failover either."""
    monkeypatch.setattr(failover, "YOUNG_SECONDS", 0)
    database = Database(settings)
    pools = database.reads, database.writes, database.probe

    def read_only_settings() -> set[str]:
        call, statement = committing_client.portal.call, "SHOW default_transaction_read_only"  # type: ignore[union-attr] # runs
        return {call(pool.fetch, statement, {})[0][0] for pool in pools}

    with replaced_database(app, database):
        with standby(superuser, settings), database.engine.connect():
            assert read_only_settings() == {"on"}
        assert read_only_settings() == {"on"}
        made = committing_client.post("/categories", json=TOYS)
        assert made.status_code == 201
        assert read_only_settings() == {"off"}
        assert committing_client.patch(made.headers["Location"], json={"name": "Books"}).status_code == 200


def test_readers_keep_connections_opened_after_the_failover() -> None:
    detector = FailoverDetector()
    now = monotonic()
    assert not detector.is_obsolete(now - 60, None)
    detector.record()
    assert [detector.is_obsolete(opened_at, None) for opened_at in (now - 60, now, now + 60)] == [True, False, False]


@pytest.mark.parametrize("method", ["write", "transaction"])
def test_statement_refused_by_a_standby_has_no_effect(superuser: Engine, settings: Settings, method: str) -> None:
    async def use(statements: AsyncPool) -> None:
        if method == "write":
            await statements.write(INSERT, TOYS)
        async with statements.transaction() as transaction:
            await transaction.run(INSERT, TOYS)

    async def test() -> None:
        database = Database(settings)
        with pytest.raises(RefusedError, match="read-only"):
            await use(database.writes)
        assert database.writes._idle == []
        database.close()

    with standby(superuser, settings):
        asyncio.run(test())


ENDING_CODES = ["25P03", "25P04"]  # idle_in_transaction_session_timeout, transaction_timeout
RAISE = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize("code", ENDING_CODES)
def test_transaction_ended_by_the_server_is_refused_or_unknown(settings: Settings, code: str) -> None:
    """Raise the codes by a statement: they are visible only until the server closes the connection."""

    async def use(statements: AsyncPool, ending: str) -> None:
        async with statements.transaction() as transaction:
            await transaction.run("SELECT 1", {})
            await getattr(transaction, ending)(RAISE.format(code), {})

    async def test() -> None:
        database = Database(settings)
        with pytest.raises(RefusedError):
            await use(database.writes, "run")
        with pytest.raises(OutcomeUnknownError):
            await use(database.writes, "commit")
        database.close()

    asyncio.run(test())


@pytest.mark.parametrize("code", ENDING_CODES)
def test_transaction_ended_by_the_server_is_retried_in_a_thread(
    app: FastAPI, committing_client: TestClient, code: str
) -> None:
    """Run it again over another connection."""
    transactions, ran = Transactions(app.state.app_context), list[int]()

    def failing(times: int) -> Work:
        def work(tx: UnitOfWork) -> Created:
            connection = tx.session.connection().connection.dbapi_connection
            ran.append(connection.info.backend_pid)  # type: ignore[union-attr]
            if len(ran) <= times:
                tx.session.execute(text(RAISE.format(code)))
            return MADE

        return work

    assert transactions.run(failing(1)) == MADE
    assert len(set(ran)) == 2
    with pytest.raises(DatabaseUnavailableError):
        transactions.run(failing(99))
