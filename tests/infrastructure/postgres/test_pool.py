"""AsyncPool: prepared and plain statements, refusals, lost connections. A write never runs twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from config.settings import Settings
from infrastructure.exceptions import DatabaseUnavailableError, OutcomeUnknownError, RefusedError
from infrastructure.postgres.database import Database
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.roles import SERVICE
from repositories.category_repository import CategoryRepository
from repositories.product_repository import ProductRepository
from schemas.category_schema import CategoryFilters
from schemas.product_schema import ProductFilters
from services.transactions.creation import CreatingService
from tests.database import empty_tables
from tests.factories import Factory
from tests.servers import until

INSERT = "INSERT INTO categories (name) VALUES (%(name)s) RETURNING id_key"
COUNT = "SELECT count(*) FROM categories WHERE name = %(name)s"
TOYS = {"name": "Toys"}

Use = Callable[[AsyncPool, Engine], Awaitable[None]]


@pytest.fixture
def run(committing: Database, settings: Settings) -> Callable[[Use], None]:
    """Return a function that runs a coroutine with a pool of one connection, and an engine for other clients."""

    def run(use: Use) -> None:
        empty_tables(committing)

        async def test() -> None:
            database = Database(settings.model_copy(update={"db_read_connections": 1, "db_lock_timeout": 0.2}))
            try:
                await use(database.reads, committing.engine)
            finally:
                database.close()

        asyncio.run(asyncio.wait_for(test(), 30))

    return run


@pytest.mark.parametrize("is_prepared", [False, True])
def test_rows_hold_values_for_json(run: Callable[[Use], None], is_prepared: bool) -> None:
    async def use(statements: AsyncPool, _: Engine) -> None:
        sql = "SELECT %(text)s || '%%', cast(%(amount)s AS numeric), %(text)s || ''"
        for _turn in range(8):  # PostgreSQL plans a prepared statement anew for its first five runs
            rows = await statements.fetch(sql, {"text": "it's", "amount": "1.10", "more": 1}, is_prepared)
            assert rows == [("it's%", 1.1, "it's")]

    run(use)


ADD = "INSERT INTO labels (name) VALUES (%(name)s) RETURNING name"
FIND = "SELECT name FROM labels WHERE name = %(name)s"


@pytest.fixture
def labels(superuser: Engine) -> Iterator[None]:
    """Make a table that belongs to the service's role, so that it may change it."""
    with superuser.connect() as connection:
        connection.execute(text("CREATE TABLE labels (id_key serial, name varchar(9))"))
        connection.execute(text(f"ALTER TABLE labels OWNER TO {SERVICE}"))
    yield
    with superuser.connect() as connection:
        connection.execute(text("DROP TABLE labels"))


@pytest.mark.usefixtures("labels")
@pytest.mark.parametrize(
    ("change", "is_given_up"),
    [("SELECT 1", False), ("DEALLOCATE ALL", True), ("ALTER TABLE labels ALTER COLUMN name TYPE text", False)],
    ids=["nothing", "another connection", "another type"],
)
def test_statements_run_unprepared_when_preparing_fails(
    run: Callable[[Use], None], caplog: pytest.LogCaptureFixture, change: str, is_given_up: bool
) -> None:
    """Simulate PgBouncer, where a statement may reach any connection, and a migration that changes a type."""

    async def use(statements: AsyncPool, _: Engine) -> None:
        for _turn in range(2):
            assert await statements.write(ADD, TOYS, True) == [("Toys",)]
        assert len(await statements.fetch(FIND, TOYS, True)) == 2
        await statements.fetch(change, {})
        for count in (3, 4, 5):
            assert await statements.write(ADD, TOYS, True) == [("Toys",)]
            assert len(await statements.fetch(FIND, TOYS, True)) == count
        [(prepared,)] = await statements.fetch("SELECT count(*) FROM pg_prepared_statements", {})
        assert bool(prepared) != is_given_up

    run(use)
    assert len([record for record in caplog.records if "no longer prepared" in record.message]) == is_given_up


def test_transactions_are_atomic(run: Callable[[Use], None]) -> None:
    books = {"name": "Books"}

    async def left(statements: AsyncPool, times: int) -> None:
        async with statements.transaction() as transaction:
            for _turn in range(times):
                await transaction.run(INSERT, TOYS, True)

    async def use(statements: AsyncPool, _: Engine) -> None:
        await left(statements, 1)
        assert await statements.fetch(COUNT, TOYS) == [(0,)], "left without a commit"
        with pytest.raises(RefusedError, match="uq_categories_name"):
            await left(statements, 2)
        assert await statements.fetch(COUNT, TOYS) == [(0,)], "refused"
        async with statements.transaction("BEGIN; SET LOCAL lock_timeout = 0") as transaction:
            assert len(await transaction.run(INSERT, TOYS, True)) == 1
            await transaction.commit(INSERT, books, True)
        assert await statements.fetch(COUNT, TOYS) == await statements.fetch(COUNT, books) == [(1,)]
        assert await statements.fetch("SHOW lock_timeout", {}) == [("200ms",)]

    run(use)


@pytest.mark.parametrize("ending", [False, True], ids=["before its commit", "with its commit"])
def test_lost_connection_during_a_transaction(run: Callable[[Use], None], *, ending: bool) -> None:
    """Expect a refusal before the commit is sent: nothing is stored. Expect an unknown outcome afterwards."""

    async def use(statements: AsyncPool, engine: Engine) -> None:
        async def write() -> None:
            async with statements.transaction() as transaction:
                await transaction.run("SELECT 1", {})
                await (transaction.commit if ending else transaction.run)(INSERT, TOYS)

        with engine.begin() as other:
            other.execute(text("LOCK TABLE categories"))
            writing = asyncio.create_task(write())
            await asyncio.to_thread(until, lambda: cut(engine))
            with pytest.raises(OutcomeUnknownError if ending else RefusedError):
                await writing
        assert await statements.fetch(COUNT, TOYS) == [(0,)]

    run(use)


def test_refused_write_keeps_the_connection(run: Callable[[Use], None]) -> None:
    async def use(statements: AsyncPool, _: Engine) -> None:
        await statements.write(INSERT, TOYS, True)
        for _turn in range(3):
            with pytest.raises(RefusedError, match="uq_categories_name"):
                await statements.write(INSERT, TOYS, True)
        assert await statements.fetch("SELECT 1 + count(*) FROM pg_prepared_statements", {}) == [(2,)]

    run(use)


def test_lock_timeout_undoes_a_write(run: Callable[[Use], None]) -> None:
    async def use(statements: AsyncPool, engine: Engine) -> None:
        with engine.begin() as other:
            other.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
            with pytest.raises(DatabaseUnavailableError, match="lock timeout") as raised:
                await statements.write(INSERT, TOYS)
        assert not isinstance(raised.value, OutcomeUnknownError)
        assert await statements.fetch(COUNT, TOYS) == [(0,)]

    run(use)


def cut(engine: Engine) -> bool:
    """Terminate the connections that wait for a lock. Return True if there were any."""
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with engine.connect() as connection:
        return bool(connection.scalar(text(ended)))


def test_write_is_not_retried_after_a_lost_connection(run: Callable[[Use], None]) -> None:
    """Expect a second attempt for reads only."""

    async def use(statements: AsyncPool, engine: Engine) -> None:
        assert await statements.fetch("SELECT 1", {}) == [(1,)]
        with engine.begin() as other:
            other.execute(text("LOCK TABLE categories"))
            writing = asyncio.create_task(statements.write(INSERT, TOYS))
            await asyncio.to_thread(until, lambda: cut(engine))
            with pytest.raises(OutcomeUnknownError):
                await writing
            assert await statements.fetch("SELECT 1", {}) == [(1,)]
            reading = asyncio.create_task(statements.fetch(COUNT, TOYS))
            await asyncio.to_thread(until, lambda: cut(engine))
            with pytest.raises(DatabaseUnavailableError, match="lock timeout"):  # the second time
                await reading
        assert await statements.fetch(COUNT, TOYS) == [(0,)]

    run(use)


def test_lost_answer_of_a_write_invalidates_the_cache(
    app: FastAPI, committing_client: TestClient, committing: Database
) -> None:
    """Expect a miss for the cached list: PostgreSQL may have the new row."""
    make = Factory(committing_client)
    make.category()
    lists = [committing_client.get("/categories").headers["X-Cache-Hit"] for _ in range(2)]
    with ThreadPoolExecutor(1) as pool, committing.engine.begin() as other:
        other.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
        writing = pool.submit(committing_client.post, "/categories", json={"name": "Toys"})
        until(lambda: cut(committing.engine))
        answer = writing.result(30)
    assert (lists, answer.status_code) == (["false", "true"], 503)
    assert committing_client.get("/categories").headers["X-Cache-Hit"] == "false"


def test_only_common_first_pages_are_prepared() -> None:
    fields = ("id_key", "name")

    def is_prepared(**given: Any) -> bool:
        return ProductRepository.page(ProductFilters(**given), fields).is_prepared

    usual: list[dict[str, Any]] = [{}, {"limit": 10}, {"after_id": 5}, {"sort": "-name"}, {"category_id": 1}]
    assert all(is_prepared(**given) for given in usual)
    others: list[dict[str, Any]] = [{"limit": 11}, {"skip": 1}, {"category_id": 1, "skip": 1}, {"q": "x"}]
    assert not any(is_prepared(**given) for given in others)
    assert not CategoryRepository.page(CategoryFilters(q="x"), fields).is_prepared
    assert CategoryRepository.one(1, fields).is_prepared


def test_refused_creation_is_repeated_in_a_transaction(
    committing_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expect no transaction for a creation that the database accepts."""
    in_transactions: list[Any] = []
    create = CreatingService._create_in_thread

    def recorded(self: CreatingService, context: Any, creation: Any) -> Any:
        in_transactions.append(creation.values())
        return create(self, context, creation)

    monkeypatch.setattr(CreatingService, "_create_in_thread", recorded)
    assert committing_client.post("/categories", json=TOYS).status_code == 201
    assert in_transactions == []
    again = committing_client.post("/categories", json=TOYS)
    assert (again.status_code, again.json()) == (409, {"detail": "Category name already exists"})
    assert in_transactions == [TOYS]
