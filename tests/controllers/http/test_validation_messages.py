"""Messages of validation errors: in terms of HTTP and JSON, not of Python."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pydantic
import pytest
from fastapi.testclient import TestClient

import schemas
from schemas.list_query import ListQuery
from schemas.product_schema import LowStockQuery
from tests.entities import ENTITIES, Entity, every_entity
from tests.factories import Factory, Object
from tests.lists import LISTS

MODULES = [import_module(f"schemas.{module.name}") for module in iter_modules(schemas.__path__)]
MODELS = {
    name
    for module in MODULES
    for name, item in inspect.getmembers(module, inspect.isclass)
    if issubclass(item, pydantic.BaseModel)
}
PYTHON_TERMS = re.compile(
    rf"\b({'|'.join(MODELS)}|instance|dict|dictionary|tuple|bytes|str|int|float|Decimal|None|NoneType|True|False"
    r"|Value error|function|validator|pydantic|partial)\b"
)
VALUES: list[Any] = [
    *(None, True, 1.5, 1.001, -1, 0, 99, 10**40, 1e300, [], [1], {}, {"a": 1}),
    *("", "  ", "x" * 3000, "\x00a", "nan", "1_0", "-5", "a@b", "a@b.test", "Jane <a@b.co>", f"{'x' * 250}@b.co"),
    *("2026-13-01", "2026-01-01T25:00:00", "2026-01-01T00:00:00+99:00", "0001-01-01T00:00:00+14:00", "2026-01-01x"),
]
QUERIES: list[tuple[str, type[ListQuery]]] = [
    *LISTS.items(),
    ("/products/low_stock", LowStockQuery),
]


def checkout(product: Object, client_id: int) -> Object:
    items = [{"product_id": product["id_key"], "quantity": 1, "price": product["price"]}]
    sale = {"client_id": client_id, "delivery_method": 1, "payment_type": "cash"}
    return sale | {"discount": 0, "bill_number": "B", "items": items}


def assert_understandable(answer: Any) -> Iterator[str]:
    """Check the messages of a refused request and yield them."""
    for error in answer.json()["detail"] if answer.status_code == 422 else ():
        message = error["msg"]
        assert not PYTHON_TERMS.search(message), message
        assert "item" not in message or error["loc"] == ["body", "items"], error
        yield message


@every_entity
def test_messages_about_bodies_are_understandable(client: TestClient, make: Factory, entity: Entity) -> None:
    made, body = entity.make(make), entity.body(make)
    where, found = f"{entity.path}/{made['id_key']}", set()
    for name in body:
        for value in VALUES:
            found |= {*assert_understandable(client.post(entity.path, json=body | {name: value}))}
            found |= {*assert_understandable(client.patch(where, json={name: value}))}
    for value in VALUES:
        found |= {*assert_understandable(client.post(entity.path, json=value))}
    assert {"Field required", "Input should be an object"} <= found


def test_messages_about_checkouts_are_understandable(client: TestClient, make: Factory) -> None:
    body, found = checkout(make.product(), make.customer()["id_key"]), set()
    [item] = body["items"]
    bodies = [body | {name: value} for name in body for value in VALUES]
    bodies += [body | {"items": [item | {name: value}]} for name in item for value in VALUES]
    bodies += [body | {"items": [value]} for value in VALUES] + [body | {"items": [item] * 101}]
    for one in bodies:
        found |= {*assert_understandable(client.post("/orders/checkout", json=one))}
    assert "List should have at most 100 items after validation, not 101" in found
    assert "Input should be an object" in found


@pytest.mark.parametrize(("path", "query"), QUERIES, ids=[query.__name__ for _, query in QUERIES])
def test_messages_about_queries_are_understandable(client: TestClient, path: str, query: type[ListQuery]) -> None:
    found: list[str] = []
    for name in query.model_fields:
        for value in VALUES:
            found += assert_understandable(client.get(path, params={name: str(value)}))
    assert found


def test_messages_about_paths_and_headers_are_understandable(client: TestClient, make: Factory) -> None:
    answers = [client.get(f"{entity.path}/{name}") for entity in ENTITIES for name in ("x", "1.5", "1_0", "%00")]
    keys = (b"", b"x" * 256, b"\xf1")
    answers += [client.post("/clients", json={}, headers=[(b"Idempotency-Key", key)]) for key in keys]
    answers += [client.get("/products?q=%ff"), client.post("/clients", content=b"{", headers={})]
    assert all(answer.status_code == 422 and list(assert_understandable(answer)) for answer in answers)


@pytest.mark.parametrize(
    ("path", "name", "value", "message"),
    [
        ("/categories", "name", "", "String should have at least 1 character"),
        ("/categories", "name", "x" * 101, "String should have at most 100 characters"),
        ("/addresses", "number", "1" * 21, "String should have at most 20 characters"),
        ("/bills", "bill_number", "x" * 51, "String should have at most 50 characters"),
        ("/reviews", "comment", "x" * 2001, "String should have at most 2000 characters"),
    ],
)
def test_length_of_a_text_is_counted_in_characters(
    client: TestClient, path: str, name: str, value: str, message: str
) -> None:
    [error] = [error for error in client.post(path, json={name: value}).json()["detail"] if error["loc"][-1] == name]
    assert error["msg"] == message
    assert error["type"] in ("string_too_long", "string_too_short")


@every_entity
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", "x"]
)
def test_wrong_content_type_is_named(client: TestClient, make: Factory, entity: Entity, content_type: str) -> None:
    made = entity.make(make)
    for method, path in (("POST", entity.path), ("PATCH", f"{entity.path}/{made['id_key']}")):
        answer = client.request(method, path, content=b"{}", headers={"Content-Type": content_type})
        [error] = answer.json()["detail"]
        assert (answer.status_code, error["loc"], error["type"]) == (422, ["header", "Content-Type"], "content_type")
        assert error["msg"] == "The body needs the Content-Type application/json"
    for accepted in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"):
        answer = client.patch(f"{entity.path}/{made['id_key']}", content=b"{}", headers={"Content-Type": accepted})
        assert (answer.status_code, answer.json()) == (200, made)
