"""Writes with a lost response: the cache must not stay behind them."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from infrastructure.postgres.database import Database
from services.cache_service import CacheService
from tests.database import as_owner
from tests.factories import Factory, Object
from tests.servers import running_app, until
from tests.services.transactions.test_unit_of_work import disable_single_statement, has_lock_waiter, shut_down

KEY = {"Idempotency-Key": "a key"}
LOCK_ID = 4711  # the advisory lock that a commit waits for


@pytest.fixture
def cached(app: FastAPI, committing_client: TestClient) -> TestClient:
    until(lambda: app.state.app_context.redis.is_up)
    return committing_client


def read(client: TestClient, path: str) -> Any:
    """Read until the response comes from the cache, and return it."""

    def hit() -> Any:
        answer = client.get(path)
        return answer if answer.headers["X-Cache-Hit"] == "true" else None

    return until(hit).json()


@contextmanager
def no_drop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skip the drop of stamps, as if the worker were killed between the commit and the drop."""

    async def invalidate(_self: CacheService, _rows: object) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(CacheService, "invalidate", invalidate)
        patch.setattr(CacheService, "invalidate_from_thread", lambda *_: None)
        yield


def products(_make: Factory, product: Object) -> tuple[str, Object]:
    return "/products", {"name": "Another", "price": 1, "category_id": product["category_id"]}


def categories(_make: Factory, _product: Object) -> tuple[str, Object]:
    return "/categories", {"name": "Another"}


def order_details(make: Factory, product: Object) -> tuple[str, Object]:
    return "/order_details", {"quantity": 1, "order_id": make.order()["id_key"], "product_id": product["id_key"]}


def checkout(make: Factory, product: Object) -> tuple[str, Object]:
    items = [{"product_id": product["id_key"], "quantity": 1}]
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "items": items}
    return "/orders/checkout", body


@pytest.mark.parametrize("in_a_thread", [False, True])
@pytest.mark.parametrize("body", [products, categories, order_details, checkout])
def test_repeat_drops_the_stamps_of_the_first_request(
    cached: TestClient, monkeypatch: pytest.MonkeyPatch, body: Any, *, in_a_thread: bool
) -> None:
    make = Factory(cached)
    product = make.product(stock=5)
    path, new = body(make, product)
    read_paths = ("/categories", "/products", f"/products/{product['id_key']}")
    before = [read(cached, each) for each in read_paths]
    with no_drop(monkeypatch):
        assert cached.post(path, json=new, headers=KEY).status_code == 201
    assert [read(cached, each) for each in read_paths] == before, "the cache still holds the old responses"
    if in_a_thread:
        disable_single_statement(monkeypatch)
    repeat = cached.post(path, json=new, headers=KEY)
    assert (repeat.status_code, repeat.headers["Idempotency-Replayed"]) == (201, "true")
    now = [cached.get(each).json() for each in read_paths]
    assert now != before
    assert now == [as_stored(cached, each) for each in read_paths]


def as_stored(client: TestClient, path: str) -> Any:
    """Return the stored objects: a page by keys is never cached, and contains the same objects."""
    if path.count("/") == 1:
        return client.get(path, params={"after_id": 0}).json()
    collection, _, id_key = path.rpartition("/")
    [found] = client.get(collection, params={"after_id": int(id_key) - 1, "limit": 1}).json()
    return found


@pytest.fixture
def slow_commit(committing: Database) -> Iterator[None]:
    """Make each transaction that changes a category wait for the advisory lock before it commits.

    Meanwhile PostgreSQL does not ask whether the client is there: a slow test would lose the write.
    """
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text(f"""
            CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql SET client_connection_check_interval = 0 AS
                $$ BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK_ID}); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON categories
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
            """))
    yield
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text("DROP TRIGGER wait ON categories; DROP FUNCTION wait()"))


def create(client: httpx2.Client, _where: str) -> int:
    return client.post("/categories", json={"name": "After"}).status_code


def change(client: httpx2.Client, where: str) -> int:
    return client.patch(where, json={"name": "After"}).status_code


@pytest.mark.usefixtures("slow_commit")
@pytest.mark.parametrize("write", [create, change])
def test_write_committed_after_a_lost_connection_is_read(
    app: FastAPI, cached: TestClient, committing: Database, write: Any
) -> None:
    """Shut the connections down during the commit: the client gets a 503, and the server still commits."""
    where = cached.post("/categories", json={"name": "Before"}).headers["Location"]
    with held_lock(committing) as other, ThreadPoolExecutor(1) as pool:
        lines = idle_connections(app.state.app_context.database)
        writing = pool.submit(write, cached, where)
        until(lambda: has_lock_waiter(committing))
        for line in lines:
            shut_down(line)
        assert writing.result(30) == 503
        assert [one["name"] for one in read(cached, "/categories")] == ["Before"]
        assert read(cached, where)["name"] == "Before"
        other.rollback()
    until(lambda: "After" in str(as_stored(cached, "/categories")))
    until(lambda: "After" in cached.get("/categories").text)
    until(lambda: cached.get(where).json() == as_stored(cached, where))


@pytest.mark.usefixtures("slow_commit")
@pytest.mark.parametrize("write", [create, change])
def test_write_of_a_worker_that_stops_before_it_commits_is_read(
    app: FastAPI, cached: TestClient, committing: Database, tmp_path: Path, write: Any
) -> None:
    """Stop another worker cleanly. It cancels a creation, whose statement goes on, and waits for other changes."""
    where = cached.post("/categories", json={"name": "Before"}).headers["Location"]
    with held_lock(committing) as other, ThreadPoolExecutor(1) as pool:
        servers = {name: value for name, value in os.environ.items() if name.startswith(("POSTGRES_", "REDIS_"))}
        limits = {"TIMEOUT_GRACEFUL_SHUTDOWN": "1", "DB_LOCK_TIMEOUT": "60", "DB_STATEMENT_TIMEOUT": "60"}
        with running_app(tmp_path, servers | limits | {"UVICORN_WORKERS": "1"}) as stopping:
            with httpx2.Client(base_url=stopping.url, timeout=60) as client:
                writing = pool.submit(write, client, where)
                until(lambda: has_lock_waiter(committing))
                stopping.process.terminate()
                until(lambda: "Cancel 1 running task" in stopping.log.read_text())
                assert [one["name"] for one in read(cached, "/categories")] == ["Before"]
                assert read(cached, where)["name"] == "Before"
                other.rollback()
                with suppress(httpx2.TransportError):
                    writing.result(60)
            assert stopping.process.wait(60) == 0
    until(lambda: "After" in str(as_stored(cached, "/categories")))
    until(lambda: "After" in cached.get("/categories").text)
    until(lambda: cached.get(where).json() == as_stored(cached, where))


@contextmanager
def held_lock(database: Database) -> Iterator[Connection]:
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_ID})"))
        yield connection


def idle_connections(database: Database) -> list[int]:
    """Return descriptors of the connections that the next creation and the next change will use."""
    with closing(database.engine.raw_connection()) as pooled:
        idle: list[Any] = [pooled.dbapi_connection, *(each._connection for each in database.writes._idle)]
        return [os.dup(connection.fileno()) for connection in idle]
