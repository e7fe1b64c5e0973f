"""Batches of products: each item as if it were sent alone, in one transaction."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from repositories.checks.consistency_check import disagreements
from tests.credentials import key_headers
from tests.database import StatementCounter
from tests.event_log import events, replay, shown
from tests.factories import Factory, Object

MISSING = {"loc": ["body", "price"], "msg": "Field required", "type": "missing"}


def batch(client: TestClient, *items: Any, atomic: bool = False, **options: Any) -> list[Object]:
    answer = client.post("/products/batch", json={"atomic": atomic, "items": items}, **options)
    assert answer.status_code == 200, answer.text
    results: list[Object] = answer.json()["results"]
    assert [list(result) for result in results] == [
        ["status", "id_key" if result["status"] < 300 else "detail"] for result in results
    ]
    return results


def stored(client: TestClient) -> list[Object]:
    products: list[Object] = client.get("/products?limit=1000").json()
    return products


def test_items_are_applied_in_order_and_see_earlier_ones(client: TestClient, make: Factory, app: FastAPI) -> None:
    one, two = make.product(sku="A", stock=3), make.product(sku="B", name="Two")
    category = one["category_id"]
    new = {"name": "New", "price": 5, "category_id": category, "sku": "N"}
    results = batch(
        client,
        {"id_key": one["id_key"], "price": 7.5, "stock": 4},
        {"sku": "B", "name": " Second "},
        new,
        {"sku": "N", "stock": 9},
        {"id_key": two["id_key"], "sku": None},
        {"id_key": one["id_key"], "sku": "B", "name": "First"},
        {"sku": "A", "name": "Third", "price": 1, "category_id": category},
        {"sku": "B", "price": 8},
        {"id_key": one["id_key"]},
    )
    assert [result["status"] for result in results] == [200, 200, 201, 200, 200, 200, 201, 200, 200]
    made, third = results[2]["id_key"], results[6]["id_key"]
    assert [result["id_key"] for result in results[3:]] == [
        *(made, two["id_key"], one["id_key"], third, one["id_key"], one["id_key"])
    ]
    assert stored(client) == [
        one | {"price": 8, "stock": 4, "sku": "B", "name": "First"},
        {key: value for key, value in two.items() if key != "sku"} | {"name": "Second"},
        new | {"id_key": made, "stock": 9},
        {"id_key": third, "name": "Third", "price": 1, "stock": 0, "category_id": category, "sku": "A"},
    ]
    movements = client.get(f"/products/{one['id_key']}/stock_movements").json()
    assert [(item["quantity"], item["reason"]) for item in movements] == [(3, "initial"), (1, "corrected")]
    assert replay(events(client)) == shown(client)
    assert disagreements(app.state.app_context.database.connection) == []


def failing(one: Object, other: Object) -> list[tuple[Object | Any, int, Any]]:
    """Return items that fail, with their status and detail."""
    key, category = one["id_key"], one["category_id"]
    number = {"loc": ["body", "price"], "msg": "Input should be a number", "type": "number_type"}
    whole = {"loc": ["body", "id_key"], "msg": "Input should be a valid integer", "type": "int_type"}
    no_object = {"loc": ["body"], "msg": "Input should be an object", "type": "model_type"}
    return [
        ({"name": "x", "category_id": category}, 422, [MISSING]),
        ({"id_key": 999_999, "price": 1}, 404, "Product with id 999999 not found"),
        ({"id_key": 2**80, "price": 1}, 404, f"Product with id {2**80} not found"),
        ({"id_key": 0}, 404, "Product with id 0 not found"),
        ({"id_key": True, "price": 1}, 422, [whole]),
        ({"id_key": "1", "price": 1}, 422, [whole]),
        ({"id_key": key, "price": True}, 422, [number]),
        ({"id_key": key, "category_id": 2**70}, 404, f"Category with id {2**70} not found"),
        ({"name": "x", "price": 1, "category_id": 999_999}, 404, "Category with id 999999 not found"),
        ({"id_key": key, "sku": other["sku"]}, 409, "SKU already exists"),
        (5, 422, [no_object]),
        (None, 422, [no_object]),
        ([[1]], 422, [no_object]),
    ]


@pytest.mark.parametrize("atomic", [False, True])
def test_items_fail_one_by_one_or_all_together(
    client: TestClient, make: Factory, statements: StatementCounter, *, atomic: bool
) -> None:
    one, other = make.product(sku="A"), make.product(sku="B")
    cases, good = failing(one, other), {"id_key": one["id_key"], "price": 3}
    body, before = {"atomic": atomic, "items": [item for item, _, _ in cases] + [good]}, events(client)
    answers = [client.post("/products/batch", json=body, headers={"Idempotency-Key": "a"}) for _ in range(2)]
    wanted = [{"status": status, "detail": detail} for _, status, detail in cases]
    if atomic:
        refused = {"detail": f"{len(cases)} of {len(cases) + 1} items failed"}
        refused["results"] = [*wanted, {"status": 424, "detail": "Another item failed"}]  # type: ignore[assignment] # mixed values
        assert [(answer.status_code, answer.json()) for answer in answers] == [(409, refused)] * 2
        assert (stored(client), events(client)) == ([one, other], before)
    else:
        done = {"results": [*wanted, {"status": 200, "id_key": one["id_key"]}]}
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, done)] * 2
        assert stored(client) == [one | {"price": 3}, other]
        assert len(events(client)) == len(before) + 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    other_body = client.post("/products/batch", json={"items": [good]}, headers={"Idempotency-Key": "a"})
    assert other_body.status_code == 422


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"items": []}, ["body", "items"]),
        ({"items": [{}] * 1001}, ["body", "items"]),
        ({}, ["body", "items"]),
        ({"items": None}, ["body", "items"]),
        ({"items": {"0": {}}}, ["body", "items"]),
        ({"items": [{}], "atomic": 1}, ["body", "atomic"]),
        ({"items": [{}], "atomic": "true"}, ["body", "atomic"]),
        ([], ["body"]),
    ],
)
def test_invalid_batch_is_refused(client: TestClient, body: Any, loc: list[str]) -> None:
    answer = client.post("/products/batch", json=body)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, loc)


HOSTILE = (
    rb'"a\u0000b"',
    rb'"a\ud800b"',
    b"NaN",
    b"1e400",
    b"1e99999999999999999999",
    b"true",
    b"[]",
    b"{}",
    b'"1"',
    b"[" * 900 + b"]" * 900,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"1" * 4000,
)


@pytest.mark.parametrize("field", ["id_key", "name", "price", "stock", "category_id", "sku"])
def test_hostile_values_are_refused(client: TestClient, make: Factory, field: str) -> None:
    product = make.product(stock=1)
    before, key = stored(client), {"Idempotency-Key": "a", "Content-Type": "application/json"}
    harmless = {b'"1"'} if field in ("name", "sku") else set()
    for value in set(HOSTILE) - harmless:
        prefix = b"" if field == "id_key" else b'"id_key": %d, ' % product["id_key"]
        content = b'{"items": [{%b"%b": %b}]}' % (prefix, field.encode(), value)
        answer = client.post("/products/batch", content=content, headers=key)
        if answer.status_code == 200:
            [result] = answer.json()["results"]
            assert result["status"] in (404, 422), (value, result)
        else:
            assert answer.status_code == 422, (value, answer.text)
    assert stored(client) == before


def test_admins_only(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    product = make.product()
    body, admin = {"items": [{"id_key": product["id_key"], "price": 2}]}, key_headers(guarded_app)
    client = key_headers(guarded_app, make.customer()["id_key"])
    statuses = [
        guarded.post("/products/batch", json=body, headers=headers).status_code for headers in ({}, client, admin)
    ]
    assert statuses == [401, 403, 200]
    [entry] = guarded.get("/audit?path=/products/batch", headers=admin).json()
    assert (entry["method"], entry["status"]) == ("POST", 200)
    assert guarded.get("/products/batch", headers=admin).status_code == 405


def test_a_thousand_changes_take_ten_statements_and_one_invalidation(
    client: TestClient, make: Factory, statements: StatementCounter
) -> None:
    category, other = make.category()["id_key"], make.category()["id_key"]
    new = [
        {"name": f"P{number}", "price": 1, "category_id": category, "stock": 9, "sku": f"S{number}"}
        for number in range(500)
    ]
    for result, item in zip(batch(client, *new), new, strict=True):
        item["id_key"] = result["id_key"]
    client.get("/products")
    assert client.get("/products").headers["X-Cache-Hit"] == "true"
    statements.statements.clear()
    changes = [{"sku": item["sku"], "price": 2.5, "stock": 8, "category_id": other} for item in new]
    created = [dict(item, sku=f"T{item['sku']}", id_key=None) for item in new]
    results = batch(client, *changes, *created, headers={"Idempotency-Key": "a"})
    assert len(statements) <= 10, statements.statements
    assert [result["status"] for result in results] == [200] * 500 + [201] * 500
    assert [result["id_key"] for result in results[:500]] == [item["id_key"] for item in new]
    shown_now = client.get("/products?limit=1000")
    assert shown_now.headers["X-Cache-Hit"] == "false"
    assert shown_now.json() == [
        *(item | change for item, change in zip(new, changes, strict=True)),
        *(item | {"id_key": result["id_key"]} for item, result in zip(created, results[500:], strict=True)),
    ]
    assert json.dumps(replay(events(client)), sort_keys=True) == json.dumps(shown(client), sort_keys=True)
