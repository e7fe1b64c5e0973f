"""Writes whose answer got lost: what is cached of them must not stay behind what they did."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from infrastructure.postgres.database import Database
from services.cache_service import CacheService
from tests.factories import Factory, Object
from tests.servers import until
from tests.services.test_unit_of_work import leave_to_threads, shut, waits_for_a_lock

KEY = {"Idempotency-Key": "a key"}
HELD = 4711  # the advisory lock that a commit waits for


@pytest.fixture
def cached(app: FastAPI, committing_client: TestClient) -> TestClient:
    until(lambda: app.state.app_context.redis.is_up)
    return committing_client


def read(client: TestClient, path: str) -> Any:
    """Twice: what is read now is cached from now on."""
    client.get(path)
    answer = client.get(path)
    assert answer.headers["X-Cache-Hit"] == "true"
    return answer.json()


@contextmanager
def no_drop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As when the worker is killed between the commit and the drop."""

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
def test_a_repeat_drops_what_the_first_may_have_left(
    cached: TestClient, monkeypatch: pytest.MonkeyPatch, body: Any, *, in_a_thread: bool
) -> None:
    make = Factory(cached)
    product = make.product(stock=5)
    path, new = body(make, product)
    read_paths = ("/categories", "/products", f"/products/{product['id_key']}")
    before = [read(cached, each) for each in read_paths]
    with no_drop(monkeypatch):
        assert cached.post(path, json=new, headers=KEY).status_code == 201
    assert [read(cached, each) for each in read_paths] == before, "nobody was told"
    if in_a_thread:
        leave_to_threads(monkeypatch)
    repeat = cached.post(path, json=new, headers=KEY)
    assert (repeat.status_code, repeat.headers["Idempotency-Replayed"]) == (201, "true")
    now = [cached.get(each).json() for each in read_paths]
    assert now != before
    assert now == [as_stored(cached, each) for each in read_paths]


def as_stored(client: TestClient, path: str) -> Any:
    """A page by keys is never cached, and bears the same objects."""
    if path.count("/") == 1:
        return client.get(path, params={"after_id": 0}).json()
    collection, _, id_key = path.rpartition("/")
    [found] = client.get(collection, params={"after_id": int(id_key) - 1, "limit": 1}).json()
    return found


@pytest.fixture
def slow_commit(committing: Database) -> Iterator[None]:
    """Whoever changes a category waits at the end of its transaction for whoever has the lock."""
    with committing.engine.begin() as connection:
        connection.execute(
            text(f"""
            CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_advisory_xact_lock_shared({HELD}); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON categories
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
            """)
        )
    yield
    with committing.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER wait ON categories; DROP FUNCTION wait()"))


def create(client: TestClient, _where: str) -> int:
    return client.post("/categories", json={"name": "After"}).status_code


def change(client: TestClient, where: str) -> int:
    return client.patch(where, json={"name": "After"}).status_code


@pytest.mark.usefixtures("slow_commit")
@pytest.mark.parametrize("write", [create, change])
def test_a_write_that_happens_after_its_connection_was_lost_is_read(
    app: FastAPI, cached: TestClient, committing: Database, write: Any
) -> None:
    """Its client has been told that nobody knows; the server goes on with what it was sent."""
    where = cached.post("/categories", json={"name": "Before"}).headers["Location"]
    with held(committing) as other, ThreadPoolExecutor(1) as pool:
        lines = idle_connections(app.state.app_context.database)
        writing = pool.submit(write, cached, where)
        until(lambda: waits_for_a_lock(committing))
        for line in lines:
            shut(line)
        assert writing.result(30) == 503
        assert [one["name"] for one in read(cached, "/categories")] == ["Before"]
        assert read(cached, where)["name"] == "Before"
        other.rollback()
    until(lambda: "After" in str(as_stored(cached, "/categories")))
    until(lambda: "After" in cached.get("/categories").text)
    until(lambda: cached.get(where).json() == as_stored(cached, where))


@contextmanager
def held(database: Database) -> Iterator[Connection]:
    with database.engine.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({HELD})"))
        yield connection


def idle_connections(database: Database) -> list[int]:
    """Descriptors of the connections that the next creation and the next change will use."""
    with closing(database.engine.raw_connection()) as pooled:
        idle: list[Any] = [pooled.dbapi_connection, *(each._connection for each in database.writes._idle)]
        return [os.dup(connection.fileno()) for connection in idle]
