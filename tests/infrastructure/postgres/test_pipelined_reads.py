"""Short reads on a shared connection: rows as from the pool, and the pool's answers whenever the connection fails."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from config.settings import Settings
from controllers import CONTROLLERS
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from infrastructure.postgres.pipeline import pipelined_connection, pipelined_reads
from infrastructure.postgres.pipeline.pipelined_connection import PipelinedConnection
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.prepared_sql import ShortSql, prepared_sql
from infrastructure.postgres.roles import SERVICE
from repositories.address_repository import AddressRepository
from repositories.base_repository_impl import BaseRepository
from repositories.client_repository import ClientRepository
from repositories.product_repository import ProductRepository
from schemas.address_schema import AddressFilters
from schemas.base_schema import MAX_KEY
from schemas.client_schema import ClientFilters
from schemas.list_query import ListQuery
from schemas.product_schema import ProductFilters
from tests.factories import Factory
from tests.lists import LISTS
from tests.redis_links import becomes

WHERE = ShortSql("SELECT pg_backend_pid(), now(), cast(%(number)s AS integer)")
POOL = str(WHERE)
DIVIDE = ShortSql("SELECT 1 / cast(%(number)s AS integer)")
LABELS = ShortSql("SELECT name FROM labels WHERE id_key >= %(number)s")

Use = Callable[[AsyncPool, Engine], Awaitable[None]]


@pytest.fixture
def run(committing: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[Use], None]:
    """Return a function that runs a coroutine with a pool of one connection and an open shared one."""
    monkeypatch.setattr(pipelined_reads, "REOPEN_SECONDS", 0)

    def run(use: Use) -> None:
        async def test() -> None:
            database = Database(settings.model_copy(update={"db_read_connections": 2, "db_lock_timeout": 0.3}))
            try:
                await opened(database.reads)
                await use(database.reads, committing.engine)
            finally:
                database.close()

        asyncio.run(asyncio.wait_for(test(), 30))

    return run


@pytest.fixture
def labels(superuser: Engine) -> Iterator[None]:
    """Make a table that belongs to the service's role, so that it may change it."""
    with superuser.connect() as connection:
        connection.execute(text("CREATE TABLE labels (id_key serial PRIMARY KEY, name varchar(9))"))
        connection.execute(text(f"ALTER TABLE labels OWNER TO {SERVICE}"))
        connection.execute(text("INSERT INTO labels (name) VALUES ('Toys')"))
    yield
    with superuser.connect() as connection:
        connection.execute(text("DROP TABLE labels"))


async def opened(reads: AsyncPool) -> PipelinedConnection:
    """Return the shared connection. A read that finds none runs in the pool and lets it open."""
    assert reads._short_reads
    await read(reads)
    if reads._short_reads._opening:
        await reads._short_reads._opening
    assert reads._short_reads._connection
    return reads._short_reads._connection


async def read(reads: AsyncPool, number: int = 0, sql: str = WHERE) -> Any:
    [row] = await reads.fetch(sql, {"number": number})
    return row


async def pid_of(reads: AsyncPool) -> int:
    return int((await read(reads))[0])


def test_reads_of_one_tick_share_a_batch(run: Callable[[Use], None]) -> None:
    """Expect one connection and one transaction, and each caller's own row."""

    async def use(reads: AsyncPool, _: Engine) -> None:
        for _turn in range(2):
            rows = await asyncio.gather(*(read(reads, number) for number in range(300)))
            assert [number for *_, number in rows] == list(range(300))
            assert len({row[:2] for row in rows}) == 1
        assert rows[0][0] != (await read(reads, sql=POOL))[0]
        assert (await read(reads))[1] > rows[0][1]

    run(use)


def test_large_batches_arrive_completely(run: Callable[[Use], None]) -> None:
    """Send and receive more than the buffers of both sockets hold."""
    sql = ShortSql("SELECT repeat('x', 100000) || cast(%(number)s AS text), %(number)s")

    async def use(reads: AsyncPool, _: Engine) -> None:
        rows = await asyncio.gather(*(read(reads, number, sql) for number in range(300)))
        assert [(len(body), number) for body, number in rows] == [
            (100_000 + len(str(number)), str(number)) for number in range(300)
        ]

    run(use)


def test_filters_have_the_rows_of_the_pool(committing_client: TestClient, run: Callable[[Use], None]) -> None:
    make = Factory(committing_client)
    category = make.product()["category_id"]
    make.address(city="Saint-Étienne 'O%s")
    make.customer(email="jo@example.com")
    asked: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(category_id=category)),
        (ProductRepository, ProductFilters(category_id=category, sort="-id_key", after_id=MAX_KEY)),
        (AddressRepository, AddressFilters(city="Saint-Étienne 'O%s")),
        (ClientRepository, ClientFilters(email="JO@example.com")),
    ]

    async def use(reads: AsyncPool, _: Engine) -> None:
        shared = await pid_of(reads)
        for repository, query in asked:
            page = repository.page(query, ("id_key", "created_at"))
            assert isinstance(page.sql, ShortSql)
            rows, expected = await reads.fetch(*page), await reads.fetch(*page._replace(sql=str(page.sql)))
            assert len(rows) == 1
            assert rows == expected
        assert await pid_of(reads) == shared

    run(use)


def test_rows_of_all_entities_equal_those_of_the_pool(
    committing_client: TestClient, run: Callable[[Use], None]
) -> None:
    """Compare the types too: the rows become JSON without further conversion."""
    make = Factory(committing_client)
    make.order_detail()
    make.review(comment="¿Qué tal?")
    make.address()
    make.product(price=0.1)

    async def use(reads: AsyncPool, _: Engine) -> None:
        shared, found = await pid_of(reads), set[str]()
        for controller in CONTROLLERS:
            if controller.prefix not in LISTS:
                continue
            service = controller.service
            page = service.repository.page(controller.filters(), tuple(service.schema.model_fields))
            assert isinstance(page.sql, ShortSql)
            rows, expected = await reads.fetch(*page), await reads.fetch(*page._replace(sql=str(page.sql)))
            assert rows == expected
            assert [list(map(type, row)) for row in rows] == [list(map(type, row)) for row in expected]
            found |= {controller.prefix} if rows else set()
        assert {"/products", "/order_details", "/reviews", "/addresses", "/bills", "/stock_movements"} < found
        assert await pid_of(reads) == shared

    run(use)


def test_error_concerns_its_own_read_only(run: Callable[[Use], None]) -> None:
    async def use(reads: AsyncPool, _: Engine) -> None:
        before = await pid_of(reads)
        results: list[Any] = await asyncio.gather(
            *(read(reads, number, DIVIDE) for number in (1, 0, -1)), read(reads, 5), return_exceptions=True
        )
        assert results[0] == (1,)
        assert "division by zero" in str(results[1])
        assert results[2] == (-1,)
        assert results[3][2] == 5
        await opened(reads)
        assert await pid_of(reads) != before

    run(use)


@pytest.mark.usefixtures("labels")
def test_lock_delays_no_other_reads(run: Callable[[Use], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect 503 for the locked table, and that others do not wait for it. The connection is used again afterwards."""
    monkeypatch.setattr(pipelined_connection, "PATIENCE_SECONDS", 0.01)

    async def use(reads: AsyncPool, engine: Engine) -> None:
        connection = await opened(reads)
        shared = await pid_of(reads)
        with engine.begin() as other:
            other.execute(text("LOCK TABLE labels"))
            waiting = asyncio.create_task(read(reads, 0, LABELS))
            beside = asyncio.create_task(read(reads, 7))
            assert (await beside)[2] == 7
            assert connection.is_late
            assert await pid_of(reads) != shared
            with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
                await waiting
        await opened(reads)
        assert await read(reads, 0, LABELS) == ("Toys",)

    run(use)


@pytest.mark.usefixtures("labels")
def test_late_connection_is_used_again(run: Callable[[Use], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelined_connection, "PATIENCE_SECONDS", 0.01)

    async def use(reads: AsyncPool, engine: Engine) -> None:
        connection = await opened(reads)
        with engine.begin() as other:
            other.execute(text("LOCK TABLE labels"))
            waiting = asyncio.create_task(read(reads, 0, LABELS))
            await becomes(lambda: connection.is_late)
        assert await waiting == ("Toys",)
        await becomes(lambda: not connection.is_late)
        assert await opened(reads) is connection
        assert await read(reads, 0, LABELS) == ("Toys",)

    run(use)


def end(engine: Engine, pid: int) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


@pytest.mark.parametrize("is_idle", [True, False])
def test_lost_connection_is_replaced(run: Callable[[Use], None], *, is_idle: bool) -> None:
    """Expect rows for all reads, also for those that are on their way."""

    async def use(reads: AsyncPool, engine: Engine) -> None:
        before = await pid_of(reads)
        if is_idle:
            end(engine, before)
        else:
            sql = ShortSql("SELECT pg_terminate_backend(cast(%(number)s AS integer), 5000), 1")
            rows = await asyncio.gather(*(read(reads, number) for number in range(3)), read(reads, before, sql))
            assert [row[-1] for row in rows] == [0, 1, 2, 1]
        assert (await read(reads, 5))[2] == 5
        await opened(reads)
        assert await pid_of(reads) not in (before, (await read(reads, sql=POOL))[0])

    run(use)


@pytest.mark.parametrize("is_sent", [True, False])
def test_cancelled_read_disturbs_no_others(run: Callable[[Use], None], *, is_sent: bool) -> None:
    """Cancel the first use of a statement too: it stays prepared."""

    async def use(reads: AsyncPool, _: Engine) -> None:
        connection = await opened(reads)
        tasks = [asyncio.create_task(read(reads, number, DIVIDE)) for number in (1, -1)]
        await asyncio.sleep(0)  # the tasks start, and their batch leaves in the next tick
        if is_sent:
            await asyncio.sleep(0)
        assert connection._sent if is_sent else connection._waiting
        tasks[0].cancel()
        assert await tasks[1] == (-1,)
        assert await read(reads, 1, DIVIDE) == (1,)
        assert await opened(reads) is connection

    run(use)


@pytest.mark.usefixtures("labels")
def test_change_of_a_column_type_is_survived(run: Callable[[Use], None]) -> None:
    async def use(reads: AsyncPool, engine: Engine) -> None:
        assert await read(reads, 0, LABELS) == ("Toys",)
        with engine.begin() as other:
            other.execute(text("ALTER TABLE labels ALTER COLUMN name TYPE text"))
        assert await read(reads, 0, LABELS) == ("Toys",)
        await opened(reads)
        assert await read(reads, 0, LABELS) == ("Toys",)

    run(use)


@pytest.mark.parametrize("is_known", [True, False])
def test_pooler_that_changes_connections_switches_sharing_off(
    run: Callable[[Use], None], caplog: pytest.LogCaptureFixture, *, is_known: bool
) -> None:
    """Simulate PgBouncer without prepared statements, where a statement may reach any connection."""

    async def use(reads: AsyncPool, _: Engine) -> None:
        connection = await opened(reads)
        if is_known:
            connection._prepared.clear()
        else:
            connection._prepared.add(prepared_sql(DIVIDE).name)
        for _turn in range(3):
            assert await read(reads, 1, WHERE if is_known else DIVIDE)
        assert reads._short_reads
        assert (reads._short_reads._opening, reads._short_reads._connection) == (None, None)

    run(use)
    assert len([record for record in caplog.records if "no longer share" in record.message]) == 1


@pytest.mark.parametrize("changes", [{"db_pipeline": False}, {"db_read_connections": 1}])
def test_sharing_can_be_switched_off(settings: Settings, changes: dict[str, Any]) -> None:
    async def test() -> None:
        database = Database(settings.model_copy(update=changes))
        assert await pid_of(database.reads) == await pid_of(database.reads)
        assert database.reads._short_reads is None
        database.close()

    asyncio.run(test())


def test_number_of_connections_includes_the_shared_one(settings: Settings, committing: Database) -> None:
    name = "counted"
    wanted = settings.model_copy(update={"db_read_connections": 2, "otel_service_name": name})

    async def test() -> None:
        database = Database(wanted)
        await opened(database.reads)
        slow = (database.reads.fetch("SELECT pg_sleep(0.01)", {}) for _ in range(5))
        await asyncio.gather(*slow, *(read(database.reads) for _ in range(5)))
        with committing.engine.connect() as connection:
            count = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
            assert connection.scalar(count, {"name": name}) == 2
        database.close()

    asyncio.run(test())


def test_reads_are_traced(run: Callable[[Use], None], monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[str] = []

    def span(sql: str) -> AbstractContextManager[None]:
        traced.append(sql)
        return nullcontext()

    async def use(reads: AsyncPool, _: Engine) -> None:
        monkeypatch.setattr(pipelined_reads, "sql_span", span)
        await read(reads)

    run(use)
    assert traced == [WHERE]
