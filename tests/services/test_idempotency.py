"""Requests with an `Idempotency-Key`: whatever is repeated, it happens once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.postgres.connection import AsyncConnection, Row
from infrastructure.postgres.database import Database
from services.app_context import AppContext
from services.transactions import expired_keys
from services.transactions.expired_keys import keep_removing_expired_keys, remove_expired_keys
from tests.database import StatementCounter
from tests.entities import Entity, every_entity
from tests.factories import Factory, Object
from tests.servers import until

REPLAYED = "Idempotency-Replayed"


def key(value: str = "a key") -> dict[str, str]:
    return {"Idempotency-Key": value}


def essence(answer: Any) -> tuple[int, bytes, str | None, str]:
    """What must be the same for the first request and its repeats."""
    return answer.status_code, answer.content, answer.headers.get("Location"), answer.headers["Content-Type"]


@every_entity
def test_a_repeat_gets_the_first_answer(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    first = client.post(entity.path, json=body, headers=key())
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    where = first.headers["Location"]
    client.put(where, json=dict([next(iter(entity.updates().items()))]))
    now = client.get(where).content
    for repeat in (
        client.post(entity.path, json=body, headers=key()),
        client.post(f"{entity.path}/", json=dict(reversed(body.items())) | {"id_key": 9}, headers=key()),
    ):
        assert essence(repeat) == essence(first)
        assert repeat.headers[REPLAYED] == "true"
    assert client.get(where).content == now
    assert len(client.get(entity.path).json()) == 1


@every_entity
def test_another_body_or_path_with_the_same_key_is_refused(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    field, value = next(iter(entity.updates().items()))
    first = client.post(entity.path, json=body, headers=key())
    other_path = "/reviews" if entity.path != "/reviews" else "/categories"
    other_body = {"rating": 1, "product_id": 1} if entity.path != "/reviews" else {"name": "x"}
    for path, other in ((entity.path, body | {field: value}), (other_path, other_body)):
        refused = client.post(path, json=other, headers=key())
        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    assert essence(client.post(entity.path, json=body, headers=key())) == essence(first)
    assert client.get(entity.path).json() == [first.json()]


def test_keys_are_told_apart(client: TestClient, make: Factory) -> None:
    body = {"rating": 5, "product_id": make.product()["id_key"]}
    keys = ["a", "A", "a ", "x" * 255, "~!@ \\\"';--", "%00", "0"]
    answers = [client.post("/reviews", json=body, headers=key(value)) for value in keys]
    without = [client.post("/reviews", json=body) for _ in range(2)]
    distinct = {answer.json()["id_key"] for answer in (*answers, *without) if REPLAYED not in answer.headers}
    assert len(distinct) == len(keys) + 2 - (answers[2].headers.get(REPLAYED) == "true")


@pytest.mark.parametrize("value", ["", "x" * 256, "tab\tin it", "ñ", "\x7f"], ids=["empty", "long", "tab", "ñ", "del"])
def test_a_key_has_1_to_255_printable_characters(client: TestClient, value: str) -> None:
    headers = [(b"Idempotency-Key", value.encode("latin-1"))]
    refused = client.post("/categories", json={"name": "Toys"}, headers=headers)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    assert client.get("/categories").json() == []


def test_a_checkout_is_placed_once(client: TestClient, make: Factory) -> None:
    product = make.product(stock=5)
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    body["items"] = [{"product_id": product["id_key"], "quantity": 2}]
    first = client.post("/orders/checkout", json=body, headers=key())
    repeats = [client.post("/orders/checkout", json=body, headers=key()) for _ in range(3)]
    assert {essence(answer) for answer in repeats} == {essence(first)}
    assert [len(client.get(path).json()) for path in ("/orders", "/bills", "/order_details")] == [1, 1, 1]
    assert client.get(f"/products/{product['id_key']}").json()["stock"] == 3
    less = body | {"items": [{"product_id": product["id_key"], "quantity": 1}]}
    assert client.post("/orders/checkout", json=less, headers=key()).status_code == 422


def test_refusals_that_data_decided_are_kept(client: TestClient, make: Factory) -> None:
    """Though the data has changed since: the caller was told so, and may have acted on it."""
    product, order = make.product(stock=1), make.order()
    detail = {"quantity": 2, "order_id": order["id_key"], "product_id": product["id_key"]}
    taken = make.category(name="Toys")
    refusals: list[tuple[int, str, Object]] = [
        (400, "/order_details", detail),
        (404, "/products", {"name": "x", "price": 1, "category_id": taken["id_key"] + 1}),
        (409, "/categories", {"name": "Toys"}),
    ]
    first = [client.post(path, json=body, headers=key(path)) for _, path, body in refusals]
    assert [answer.status_code for answer in first] == [status for status, _, _ in refusals]
    client.put(f"/products/{product['id_key']}", json={"stock": 9})
    client.delete(f"/categories/{taken['id_key']}")
    assert make.category()["id_key"] == taken["id_key"] + 3  # the sequence has counted the refused one, tried twice
    for answer, (_, path, body) in zip(first, refusals, strict=True):
        repeat = client.post(path, json=body, headers=key(path))
        assert (essence(repeat), repeat.headers[REPLAYED]) == (essence(answer), "true")
    assert client.get("/order_details").json() == []
    assert client.get(f"/products/{product['id_key']}").json()["stock"] == 9


def test_refusals_of_invalid_input_are_not_kept(client: TestClient) -> None:
    for wrong in ({"name": ""}, {}, {"name": 5}):
        assert client.post("/categories", json=wrong, headers=key()).status_code == 422
    assert client.post("/categories", json={"name": "Toys"}, headers=key()).status_code == 201
    late = {"total": 1, "discount": 2, "payment_type": "cash"}
    assert client.post("/bills", json=late, headers=key("late")).status_code == 422
    assert client.post("/bills", json=late | {"discount": 1}, headers=key("late")).status_code == 201


def test_an_outage_is_not_kept(app: FastAPI, client: TestClient, make: Factory, settings: Settings) -> None:
    app_context: AppContext = app.state.app_context
    there = app_context.database
    app_context.database = Database(settings.model_copy(update={"postgres_port": free_port()}))
    away = client.post("/categories", json={"name": "Toys"}, headers=key())
    app_context.database.close()
    app_context.database = there
    assert away.status_code == 503
    again = client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (again.status_code, REPLAYED in again.headers) == (201, False)


def test_a_fault_of_ours_is_not_kept(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("repositories.category_repository.CategoryRepository.insert_statement", lambda *_: 1 / 0)
        assert client.post("/categories", json={"name": "Toys"}, headers=key()).status_code == 500
    again = client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (again.status_code, REPLAYED in again.headers) == (201, False)


def test_the_key_costs_a_few_statements(client: TestClient, make: Factory, statements: StatementCounter) -> None:
    product = make.product(stock=100)
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    body["items"] = [{"product_id": product["id_key"], "quantity": 1}] * 50
    before = len(statements)
    client.post("/orders/checkout", json=body, headers=key())
    assert len(statements) - before == 3, "claimed, placed, kept"
    before = len(statements)
    client.post("/orders/checkout", json=body, headers=key())
    assert len(statements) - before == 2, "claimed in vain, found"


@every_entity
def test_of_eight_at_once_one_takes_effect(committing_client: TestClient, entity: Entity) -> None:
    client, ready = committing_client, threading.Barrier(8)
    body = entity.body(Factory(client))

    def post(_: int) -> Any:
        ready.wait(30)
        return client.post(entity.path, json=body, headers=key())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert len({essence(answer) for answer in answers}) == 1, [answer.text for answer in answers]
    assert answers[0].status_code == 201
    assert [answer.headers.get(REPLAYED) for answer in answers].count(None) == 1
    assert client.get(entity.path).json() == [answers[0].json()]


def test_a_repeat_waits_for_the_first(committing_client: TestClient, committing: Database) -> None:
    """Here the first is held up by a lock; the repeat comes while it is, and gets its answer."""
    client = committing_client
    product, order = Factory(client).product(stock=5), Factory(client).order()
    body = {"quantity": 2, "order_id": order["id_key"], "product_id": product["id_key"]}
    with ThreadPoolExecutor(2) as pool:
        with committing.engine.begin() as connection:
            connection.execute(text("SELECT FROM products FOR UPDATE"))
            posts = [pool.submit(client.post, "/order_details", json=body, headers=key()) for _ in range(2)]
            until(lambda: count(committing, "pg_stat_activity WHERE wait_event_type = 'Lock'") == 2)
        first, second = (post.result() for post in posts)
    assert (first.status_code, essence(first)) == (201, essence(second))
    assert {answer.headers.get(REPLAYED) for answer in (first, second)} == {None, "true"}
    assert client.get(f"/products/{product['id_key']}").json()["stock"] == 3


def cut(committing: Database) -> bool:
    """Ends the connection of whoever waits for a lock."""
    return (
        count(committing, "(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock') c")
        > 0
    )


def test_a_lost_connection_is_made_up_for_before_the_commit(
    committing_client: TestClient, committing: Database
) -> None:
    """Nothing has happened until then, so the creation is tried again, in a thread, and happens once."""
    with ThreadPoolExecutor(1) as pool:
        with committing.engine.begin() as connection:
            connection.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
            posted = pool.submit(committing_client.post, "/categories", json={"name": "Toys"}, headers=key())
            until(lambda: cut(committing))
        first = posted.result(30)
    repeat = committing_client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (first.status_code, essence(repeat)) == (201, essence(first))
    assert committing_client.get("/categories").json() == [first.json()]


def test_a_repeat_tells_what_became_of_a_lost_commit(
    committing_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit has happened, and its answer is lost."""
    fetch = AsyncConnection.fetch

    async def lose(self: AsyncConnection, sql: str, *others: Any) -> list[Row]:
        rows = await fetch(self, sql, *others)
        if sql.endswith("COMMIT"):
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return rows

    committing_client.get("/categories")
    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "fetch", lose)
        lost = committing_client.post("/categories", json={"name": "Toys"}, headers=key())
    after = committing_client.get("/categories")
    repeat = committing_client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (lost.status_code, repeat.status_code, repeat.headers[REPLAYED]) == (503, 201, "true")
    assert after.json() == [repeat.json()], "nothing older is in the cache"


def age(committing: Database, hours: float) -> None:
    with committing.engine.begin() as connection:
        statement = text("UPDATE idempotency_keys SET created_at = created_at - cast(:age AS interval)")
        connection.execute(statement, {"age": timedelta(hours=hours)})


def count(committing: Database, what: str = "idempotency_keys") -> int:
    with committing.engine.connect() as connection:
        return int(connection.scalars(text(f"SELECT count(*) FROM {what}")).one())


def test_a_key_lives_for_24_hours(committing_client: TestClient, committing: Database) -> None:
    body = {"total": 1, "payment_type": "cash"}
    first = committing_client.post("/bills", json=body, headers=key())
    age(committing, 23.9)
    assert essence(committing_client.post("/bills", json=body, headers=key())) == essence(first)
    age(committing, 0.2)
    second = committing_client.post("/bills", json=body, headers=key())
    assert (second.status_code, REPLAYED in second.headers) == (201, False)
    assert second.json()["id_key"] > first.json()["id_key"]
    assert essence(committing_client.post("/bills", json=body, headers=key())) == essence(second)
    age(committing, 25)
    other = committing_client.post("/bills", json=body | {"total": 2}, headers=key())
    assert (other.status_code, other.json()["total"]) == (201, 2)


def in_the_app(client: TestClient, function: Any, *arguments: Any) -> Any:
    assert client.portal
    return client.portal.call(function, *arguments)


def test_expired_keys_are_removed_in_batches_and_others_stay(
    app: FastAPI, committing_client: TestClient, committing: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired_keys, "BATCH", 2)
    body = {"total": 1, "payment_type": "cash"}
    for number in range(5):
        committing_client.post("/bills", json=body, headers=key(f"old {number}"))
    age(committing, 25)
    committing_client.post("/bills", json=body, headers=key("new"))
    assert in_the_app(committing_client, remove_expired_keys, app.state.app_context) == 5
    assert count(committing) == 1
    assert in_the_app(committing_client, remove_expired_keys, app.state.app_context) == 0
    assert committing_client.post("/bills", json=body, headers=key("new")).headers[REPLAYED] == "true"


def test_removal_waits_for_nobody(app: FastAPI, committing_client: TestClient, committing: Database) -> None:
    body = {"total": 1, "payment_type": "cash"}
    for value in ("held", "free"):
        committing_client.post("/bills", json=body, headers=key(value))
    age(committing, 25)
    with committing.engine.begin() as connection:
        connection.execute(text("SELECT FROM idempotency_keys WHERE key = 'held' FOR UPDATE"))
        assert in_the_app(committing_client, remove_expired_keys, app.state.app_context) == 1
    assert count(committing) == 1


def test_the_task_survives_an_outage_and_goes_on(
    app: FastAPI,
    committing_client: TestClient,
    committing: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """First the database is away, then something is broken, then all is well."""
    monkeypatch.setattr(expired_keys, "INTERVAL_SECONDS", 0.01)
    committing_client.post("/bills", json={"total": 1, "payment_type": "cash"}, headers=key())
    age(committing, 25)
    app_context: AppContext = app.state.app_context
    there, away = app_context.database, Database(settings.model_copy(update={"postgres_port": free_port()}))

    app_context.database = away
    assert committing_client.portal
    with caplog.at_level("INFO"):
        task = committing_client.portal.start_task_soon(keep_removing_expired_keys, app_context)
    try:
        until(lambda: "removed later" in caplog.text)
        app_context.database = None  # type: ignore[assignment] # broken
        until(lambda: "could not be removed" in caplog.text)
        app_context.database = there
        until(lambda: "removed: 1" in caplog.text)
        task.cancel()
    finally:
        app_context.database = there
        away.close()
    assert count(committing) == 0
