"""Sessions of plain endpoints: no answered commit leaves the cache stale, whichever way it changes rows."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from config.settings import Settings
from controllers.http.dependencies import Db, OpenUnitOfWork, mark_changed
from infrastructure.postgres.database import Database
from main import create_fastapi_app
from models.category import CategoryModel
from repositories.category_repository import CategoryRepository
from services.context.request_context import RequestContext
from services.transactions.tracked_session import RequestOverError, RequestWrites
from services.transactions.written_tables import cascades_from, written_tables
from tests.factories import Factory
from tests.servers import until

Change = Callable[[Any, int], object]
NEW = "after"


def flushed(db: Session, id_key: int) -> None:
    category = db.get(CategoryModel, id_key)
    assert category
    category.name = NEW
    db.commit()


def flushed_in_a_savepoint(db: Session, id_key: int) -> None:
    with db.begin_nested():
        db.get_one(CategoryModel, id_key).name = NEW
    db.commit()


def updated(db: Session, id_key: int) -> None:
    db.execute(update(CategoryModel).where(CategoryModel.id_key == id_key).values(name=NEW))
    db.commit()


def updated_by_core(db: Session, id_key: int) -> None:
    table: Any = CategoryModel.__table__
    db.execute(update(table).where(table.c.id_key == id_key).values(name=NEW))
    db.commit()


def updated_by_query(db: Session, id_key: int) -> None:
    db.query(CategoryModel).filter_by(id_key=id_key).update({"name": NEW})
    db.commit()


def updated_in_a_table_expression(db: Session, id_key: int) -> None:
    changed = update(CategoryModel).where(CategoryModel.id_key == id_key).values(name=NEW).returning(CategoryModel.name)
    assert db.scalars(select(changed.cte().c.name)).all() == [NEW]
    db.commit()


def updated_by_text(db: Session, id_key: int) -> None:
    db.execute(text('UPDATE public."categories" SET name = :name WHERE id_key = :id'), {"name": NEW, "id": id_key})
    db.commit()


def updated_on_the_connection(db: Session, id_key: int) -> None:
    db.connection().exec_driver_sql("UPDATE categories SET name = %s WHERE id_key = %s", (NEW, id_key))
    mark_changed(db, "categories", id_key)
    db.commit()


def updated_by_a_function(db: Session, id_key: int) -> None:
    db.bulk_update_mappings(CategoryModel, [{"id_key": id_key, "name": NEW}])
    mark_changed(db, "categories")
    db.commit()


def committed_before_an_error(db: Session, id_key: int) -> None:
    flushed(db, id_key)
    raise HTTPException(400, "after the commit")


def begun_by_a_block(db: Session, id_key: int) -> None:
    with db.begin():
        updated_row = db.get_one(CategoryModel, id_key)
        updated_row.name = NEW


CHANGES: list[Change] = [
    flushed,
    flushed_in_a_savepoint,
    updated,
    updated_by_core,
    updated_by_query,
    updated_in_a_table_expression,
    updated_by_text,
    updated_on_the_connection,
    updated_by_a_function,
    committed_before_an_error,
    begun_by_a_block,
]


def rolled_back(db: Session, id_key: int) -> None:
    db.get_one(CategoryModel, id_key).name = NEW
    db.flush()
    db.rollback()
    db.commit()


def never_committed(db: Session, id_key: int) -> None:
    db.execute(update(CategoryModel).values(name=NEW))


def only_read(db: Session, id_key: int) -> None:
    db.execute(text("SELECT updated_at FROM categories"))
    db.commit()


class Shop:
    """The session's application, which caches, and one with endpoints of its own on the same servers."""

    def __init__(self, client: TestClient, own: TestClient) -> None:
        self.client, self.own, self.app = client, own, own.app.state.app_context  # type: ignore[attr-defined] # FastAPI's
        self.category = Factory(client).category(name="before")["id_key"]
        self.path = f"/categories/{self.category}"

    def read(self, path: str) -> tuple[str, Any]:
        answer = self.client.get(path)
        return answer.headers["X-Cache-Hit"], answer.json()

    def fill(self) -> None:
        for path in ("/categories", self.path):
            until(lambda: self.read(path)[0] == "true")  # noqa: B023 # called at once

    def change(self, name: str) -> Any:
        return self.own.post(f"/changes/{name}/{self.category}")


def add_endpoints(app: FastAPI) -> None:
    changes: dict[str, Change] = {
        change.__name__: change for change in (*CHANGES, rolled_back, never_committed, only_read)
    }

    @app.post("/changes/{name}/{id_key}")
    def change(name: str, id_key: int, db: Db) -> None:
        changes[name](db, id_key)

    @app.post("/coroutines/{id_key}")
    async def change_on_the_event_loop(id_key: int, db: Db) -> None:
        flushed(db, id_key)

    @app.post("/units/{id_key}")
    def change_in_a_unit_of_work(id_key: int, unit_of_work: OpenUnitOfWork) -> None:
        with unit_of_work() as tx:
            categories = CategoryRepository(tx)
            category = categories.lock(id_key)
            assert category
            categories.update(category, {"name": NEW})

    @app.post("/streams/{id_key}")
    def change_in_a_stream(id_key: int, db: Db) -> StreamingResponse:
        def parts() -> Iterator[str]:
            yield "first"
            flushed(db, id_key)
            yield "last"

        return StreamingResponse(parts())

    @app.post("/deletions/{id_key}")
    def remove(id_key: int, db: Db) -> None:
        db.delete(db.get_one(CategoryModel, id_key))
        db.commit()

    @app.post("/insertions/{id_key}")
    def add(id_key: int, db: Db) -> int:
        category = CategoryModel(name=f"beside {id_key}")
        db.add(category)
        db.commit()
        return category.id_key


@pytest.fixture(scope="module")
def own_client(settings: Settings) -> Iterator[TestClient]:
    app = create_fastapi_app(settings.model_copy(update={"audit_enabled": True, "db_threads": 3, "db_pool_timeout": 1}))
    add_endpoints(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        until(lambda: app.state.app_context.redis.is_up)
        yield client
    app.state.app_context.in_doubt._writes.clear()


@pytest.fixture
def shop(committing_client: TestClient, own_client: TestClient) -> Shop:
    shop = Shop(committing_client, own_client)
    shop.app.in_doubt._writes.clear()
    shop.fill()
    return shop


@pytest.mark.parametrize("change", CHANGES)
def test_commit_drops_the_changed_rows(shop: Shop, change: Change) -> None:
    answer = shop.change(change.__name__)
    assert answer.status_code == (400 if change is committed_before_an_error else 200)
    assert shop.read(shop.path) == ("false", {"id_key": shop.category, "name": NEW})
    assert shop.read("/categories")[1][0]["name"] == NEW


@pytest.mark.parametrize("path", ["coroutines", "units", "streams"])
def test_commit_of_other_endpoints_drops_the_changed_rows(shop: Shop, path: str) -> None:
    assert shop.own.post(f"/{path}/{shop.category}").status_code == 200
    assert shop.read(shop.path) == ("false", {"id_key": shop.category, "name": NEW})


def test_created_and_deleted_rows_change_the_lists(shop: Shop) -> None:
    added = shop.own.post(f"/insertions/{shop.category}").json()
    assert [one["id_key"] for one in shop.read("/categories")[1]] == [shop.category, added]
    shop.fill()
    assert shop.own.post(f"/deletions/{shop.category}").status_code == 200
    assert shop.client.get(shop.path).status_code == 404
    assert [one["id_key"] for one in shop.read("/categories")[1]] == [added]


@pytest.mark.parametrize("change", [rolled_back, never_committed, only_read])
def test_session_without_changes_drops_nothing(shop: Shop, change: Change) -> None:
    assert shop.change(change.__name__).status_code == 200
    assert shop.read(shop.path) == ("true", {"id_key": shop.category, "name": "before"})


def test_one_row_that_changes_leaves_other_entries(shop: Shop) -> None:
    other = Factory(shop.client).product()
    path = f"/products/{other['id_key']}"
    until(lambda: shop.read(path)[0] == "true")
    shop.change("flushed")
    assert shop.read(path)[0] == "true"


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT updated_at FROM products WHERE name = 'inserted'", set()),
        ("Truncate reviews, Products", {"reviews", "products", "stock_movements"}),
        ('delete\n from only "public"."orders" using x', {"orders", "order_status_changes", "shipping_addresses"}),
        (
            "WITH a AS (INSERT INTO categories VALUES (1)) MERGE INTO products USING a ON true",
            {"categories", "products", "reviews", "stock_movements"},
        ),
    ],
)
def test_tables_written_by_raw_sql(statement: str, tables: set[str]) -> None:
    assert set(written_tables(text(statement))) == tables


def test_cascades_reach_tables_that_the_database_changes() -> None:
    assert cascades_from("orders") == {"order_status_changes", "shipping_addresses"}
    assert {"addresses", "api_keys"} <= cascades_from("clients")
    assert not cascades_from("categories")


def test_commit_is_audited_once(shop: Shop) -> None:
    for name, entries in (("flushed", 1), ("begun_by_a_block", 2), ("never_committed", 2)):
        shop.change(name)
        audit = [one for one in shop.client.get("/audit?limit=1000").json() if one["path"].startswith("/changes/")]
        assert len(audit) == entries
    assert {(one["method"], one["status"]) for one in audit} == {("POST", 200)}


def test_refusals_of_the_database(shop: Shop) -> None:
    taken = Factory(shop.client).category(name=NEW)["id_key"]
    for answer in (shop.change("flushed"), shop.own.post(f"/units/{shop.category}")):
        assert (answer.status_code, answer.json()) == (409, {"detail": "Value already exists"})
    Factory(shop.client).product(category_id=taken)
    answer = shop.own.post(f"/deletions/{taken}")
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])
    assert not shop.app.in_doubt._writes, "nothing was committed"
    assert shop.read(shop.path)[0] == "true" or shop.read(shop.path)[1]["name"] == "before"


def test_lost_answer_to_a_commit_is_in_doubt(shop: Shop, committing: Database) -> None:
    """Commit, and lose the connection before the answer: 503, and the row is dropped before and after it."""

    def lose(connection: Any) -> None:
        dbapi_connection = connection.connection.dbapi_connection
        pid = dbapi_connection.info.backend_pid
        dbapi_connection.commit()
        dbapi_connection.cursor().execute("SELECT 1")  # psycopg2 sends no second COMMIT outside of a transaction
        with committing.engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    engine = shop.app.database.engine
    event.listen(engine, "commit", lose)
    try:
        answer = shop.change("flushed")
    finally:
        event.remove(engine, "commit", lose)
    assert (answer.status_code, answer.json()) == (503, {"detail": "Service temporarily unavailable"})
    assert shop.read(shop.path)[1]["name"] == NEW
    assert [set(write.stamp_keys) for write in shop.app.in_doubt._writes] == [
        {"categories:list:token", f"categories:id:{shop.category}:token"}
    ]


def test_sessions_are_part_of_the_connection_budget(settings: Settings) -> None:
    """Fill both slots of a worker: a third request gets 503, and none waits for a connection."""
    arrived, release = threading.Semaphore(0), threading.Event()
    app = create_fastapi_app(settings.model_copy(update={"db_threads": 2, "db_pool_timeout": 0.2}))

    @app.get("/held")
    def held(db: Db) -> int:
        number: int = db.execute(text("SELECT 1")).scalar_one()
        arrived.release()
        release.wait(30)
        return number

    with TestClient(app) as client, ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(client.get, "/held") for _ in range(2)]
        try:
            for _ in answers:
                assert arrived.acquire(timeout=30)
            usage = app.state.app_context.database.pool_usage()
            assert (usage["threads"], usage["transactions"][0]) == ((2, 2), 2)
            assert client.get("/held").status_code == 503
        finally:
            release.set()
        assert [answer.result().json() for answer in answers] == [1, 1]
        assert app.state.app_context.database.pool_usage()["threads"] == (0, 2)


def test_commit_of_a_request_that_has_ended(shop: Shop) -> None:
    """A worker that stops cancels its requests, but not their threads: a commit is refused, or in doubt."""
    writes = RequestWrites(shop.app, RequestContext(), uses_database=True)

    def end_the_request(_: Any) -> None:
        asyncio.run(writes.close())

    with writes.session() as session:
        event.listen(session.connection(), "commit", end_the_request)
        flushed(session, shop.category)
    stamps = {"categories:list:token", f"categories:id:{shop.category}:token"}
    assert [set(write.stamp_keys) for write in shop.app.in_doubt._writes] == [stamps]
    with writes.session() as session, pytest.raises(RequestOverError):
        flushed(session, shop.category)
