"""Requests with an `Idempotency-Key`: a repeat has no further effect."""

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
from services.context.app_context import AppContext
from services.transactions import expired_keys
from services.transactions.expired_keys import remove_expired_keys
from tests.database import StatementCounter
from tests.entities import Entity, every_entity
from tests.factories import Factory, Object
from tests.servers import until

REPLAYED = "Idempotency-Replayed"


def key(value: str = "a key") -> dict[str, str]:
    return {"Idempotency-Key": value}


def replayable_parts(answer: Any) -> tuple[int, bytes, str | None, str]:
    """Return the parts of a response that are the same for the first request and its repeats."""
    return answer.status_code, answer.content, answer.headers.get("Location"), answer.headers["Content-Type"]


@every_entity
def test_repeat_returns_the_stored_response(client: TestClient, make: Factory, entity: Entity) -> None:
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
        assert replayable_parts(repeat) == replayable_parts(first)
        assert repeat.headers[REPLAYED] == "true"
    assert client.get(where).content == now
    assert len(client.get(entity.path).json()) == 1


@every_entity
def test_same_key_with_another_body_or_path_is_refused(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    field, value = next(iter(entity.updates().items()))
    first = client.post(entity.path, json=body, headers=key())
    other_path = "/reviews" if entity.path != "/reviews" else "/categories"
    other_body = {"rating": 1, "product_id": 1} if entity.path != "/reviews" else {"name": "x"}
    for path, other in ((entity.path, body | {field: value}), (other_path, other_body)):
        refused = client.post(path, json=other, headers=key())
        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    assert replayable_parts(client.post(entity.path, json=body, headers=key())) == replayable_parts(first)
    assert client.get(entity.path).json() == [first.json()]


def test_similar_keys_are_distinct(client: TestClient, make: Factory) -> None:
    body = {"rating": 5, "product_id": make.product()["id_key"]}
    keys = ["a", "A", "a ", "x" * 255, "~!@ \\\"';--", "%00", "0"]
    answers = [client.post("/reviews", json=body, headers=key(value)) for value in keys]
    without = [client.post("/reviews", json=body) for _ in range(2)]
    distinct = {answer.json()["id_key"] for answer in (*answers, *without) if REPLAYED not in answer.headers}
    assert len(distinct) == len(keys) + 2 - (answers[2].headers.get(REPLAYED) == "true")


@pytest.mark.parametrize("value", ["", "x" * 256, "tab\tin it", "ñ", "\x7f"], ids=["empty", "long", "tab", "ñ", "del"])
def test_key_needs_1_to_255_printable_characters(client: TestClient, value: str) -> None:
    headers = [(b"Idempotency-Key", value.encode("latin-1"))]
    refused = client.post("/categories", json={"name": "Toys"}, headers=headers)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    assert client.get("/categories").json() == []


def test_repeated_checkout_is_placed_once(client: TestClient, make: Factory) -> None:
    product = make.product(stock=5)
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    body["items"] = [{"product_id": product["id_key"], "quantity": 2}]
    first = client.post("/orders/checkout", json=body, headers=key())
    repeats = [client.post("/orders/checkout", json=body, headers=key()) for _ in range(3)]
    assert {replayable_parts(answer) for answer in repeats} == {replayable_parts(first)}
    assert [len(client.get(path).json()) for path in ("/orders", "/bills", "/order_details")] == [1, 1, 1]
    assert client.get(f"/products/{product['id_key']}").json()["stock"] == 3
    less = body | {"items": [{"product_id": product["id_key"], "quantity": 1}]}
    assert client.post("/orders/checkout", json=less, headers=key()).status_code == 422


def test_refusals_because_of_data_are_stored(client: TestClient, make: Factory) -> None:
    """Replay them even after the data has changed: the caller may have acted on the refusal."""
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
    assert make.category()["id_key"] == taken["id_key"] + 3  # the two attempts of the refused create took two values
    for answer, (_, path, body) in zip(first, refusals, strict=True):
        repeat = client.post(path, json=body, headers=key(path))
        assert (replayable_parts(repeat), repeat.headers[REPLAYED]) == (replayable_parts(answer), "true")
    assert client.get("/order_details").json() == []
    assert client.get(f"/products/{product['id_key']}").json()["stock"] == 9


def test_refusals_of_invalid_input_are_not_stored(client: TestClient) -> None:
    for wrong in ({"name": ""}, {}, {"name": 5}):
        assert client.post("/categories", json=wrong, headers=key()).status_code == 422
    assert client.post("/categories", json={"name": "Toys"}, headers=key()).status_code == 201


def test_outage_response_is_not_stored(app: FastAPI, client: TestClient, make: Factory, settings: Settings) -> None:
    app_context: AppContext = app.state.app_context
    original = app_context.database
    app_context.database = Database(settings.model_copy(update={"postgres_port": free_port()}))
    unreachable = client.post("/categories", json={"name": "Toys"}, headers=key())
    app_context.database.close()
    app_context.database = original
    assert unreachable.status_code == 503
    again = client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (again.status_code, REPLAYED in again.headers) == (201, False)


def test_internal_error_is_not_stored(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("repositories.category_repository.CategoryRepository.insert_statement", lambda *_: 1 / 0)
        assert client.post("/categories", json={"name": "Toys"}, headers=key()).status_code == 500
    again = client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (again.status_code, REPLAYED in again.headers) == (201, False)


def test_key_takes_two_more_statements(client: TestClient, make: Factory, statements: StatementCounter) -> None:
    product = make.product(stock=100)
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    body["items"] = [{"product_id": product["id_key"], "quantity": 1}] * 50
    before = len(statements)
    client.post("/orders/checkout", json=body, headers=key())
    assert len(statements) - before == 3, "claim the key, place the order, store the response"
    before = len(statements)
    client.post("/orders/checkout", json=body, headers=key())
    assert len(statements) - before == 2, "fail to claim the key, find the response"


@every_entity
def test_concurrent_repeats_take_effect_once(committing_client: TestClient, entity: Entity) -> None:
    client, ready = committing_client, threading.Barrier(8)
    body = entity.body(Factory(client))

    def post(_: int) -> Any:
        ready.wait(30)
        return client.post(entity.path, json=body, headers=key())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert len({replayable_parts(answer) for answer in answers}) == 1, [answer.text for answer in answers]
    assert answers[0].status_code == 201
    assert [answer.headers.get(REPLAYED) for answer in answers].count(None) == 1
    assert client.get(entity.path).json() == [answers[0].json()]


def test_repeat_waits_for_the_first_request(committing_client: TestClient, committing: Database) -> None:
    """Block the first request with a lock; the repeat arrives meanwhile and gets the same response."""
    client = committing_client
    with ThreadPoolExecutor(2) as pool:
        with committing.engine.begin() as connection:
            connection.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
            posts = [pool.submit(client.post, "/categories", json={"name": "Toys"}, headers=key()) for _ in range(2)]
            until(lambda: count(committing, "pg_stat_activity WHERE wait_event_type = 'Lock'") == 2)
        first, second = (post.result() for post in posts)
    assert (first.status_code, replayable_parts(first)) == (201, replayable_parts(second))
    assert {answer.headers.get(REPLAYED) for answer in (first, second)} == {None, "true"}
    assert client.get("/categories").json() == [first.json()]


def terminate_waiting_backends(committing: Database) -> bool:
    """Terminate the connections that wait for a lock; return True if there was one."""
    return (
        count(committing, "(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock') c")
        > 0
    )


def test_connection_lost_before_the_commit_is_retried(committing_client: TestClient, committing: Database) -> None:
    """Retry the creation in a thread: nothing has happened before the commit, so it happens once."""
    with ThreadPoolExecutor(1) as pool:
        with committing.engine.begin() as connection:
            connection.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
            posted = pool.submit(committing_client.post, "/categories", json={"name": "Toys"}, headers=key())
            until(lambda: terminate_waiting_backends(committing))
        first = posted.result(30)
    repeat = committing_client.post("/categories", json={"name": "Toys"}, headers=key())
    assert (first.status_code, replayable_parts(repeat)) == (201, replayable_parts(first))
    assert committing_client.get("/categories").json() == [first.json()]


def test_repeat_reveals_the_outcome_of_a_lost_commit(
    committing_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lose the reply of a commit that has happened."""
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
    assert after.json() == [repeat.json()], "the cache holds nothing older"


def age(committing: Database, hours: float) -> None:
    with committing.engine.begin() as connection:
        statement = text("UPDATE idempotency_keys SET created_at = created_at - cast(:age AS interval)")
        connection.execute(statement, {"age": timedelta(hours=hours)})


def count(committing: Database, what: str = "idempotency_keys") -> int:
    with committing.engine.connect() as connection:
        return int(connection.scalars(text(f"SELECT count(*) FROM {what}")).one())


def test_key_expires_after_24_hours(committing_client: TestClient, committing: Database) -> None:
    body = {"total": 1, "payment_type": "cash"}
    first = committing_client.post("/bills", json=body, headers=key())
    age(committing, 23.9)
    assert replayable_parts(committing_client.post("/bills", json=body, headers=key())) == replayable_parts(first)
    age(committing, 0.2)
    second = committing_client.post("/bills", json=body, headers=key())
    assert (second.status_code, REPLAYED in second.headers) == (201, False)
    assert second.json()["id_key"] > first.json()["id_key"]
    assert replayable_parts(committing_client.post("/bills", json=body, headers=key())) == replayable_parts(second)
    age(committing, 25)
    other = committing_client.post("/bills", json=body | {"total": 2}, headers=key())
    assert (other.status_code, other.json()["total"]) == (201, 2)


def call_in_app(client: TestClient, function: Any, *arguments: Any) -> Any:
    assert client.portal
    return client.portal.call(function, *arguments)


def test_only_expired_keys_are_removed_in_batches(
    app: FastAPI, committing_client: TestClient, committing: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired_keys, "BATCH", 2)
    body = {"total": 1, "payment_type": "cash"}
    for number in range(5):
        committing_client.post("/bills", json=body, headers=key(f"old {number}"))
    age(committing, 25)
    committing_client.post("/bills", json=body, headers=key("new"))
    assert call_in_app(committing_client, remove_expired_keys, app.state.app_context) == 5
    assert count(committing) == 1
    assert call_in_app(committing_client, remove_expired_keys, app.state.app_context) == 0
    assert committing_client.post("/bills", json=body, headers=key("new")).headers[REPLAYED] == "true"


def test_removal_skips_locked_keys(app: FastAPI, committing_client: TestClient, committing: Database) -> None:
    body = {"total": 1, "payment_type": "cash"}
    for value in ("held", "free"):
        committing_client.post("/bills", json=body, headers=key(value))
    age(committing, 25)
    with committing.engine.begin() as connection:
        connection.execute(text("SELECT FROM idempotency_keys WHERE key = 'held' FOR UPDATE"))
        assert call_in_app(committing_client, remove_expired_keys, app.state.app_context) == 1
    assert count(committing) == 1
