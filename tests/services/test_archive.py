"""Archived products: missing from lists, readable by id, and not for sale."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from tests.credentials import execute, key_headers
from tests.factories import Factory, Object
from tests.scenarios.test_concurrency import run_concurrently

UPDATES = ("PUT", "PATCH")


@pytest.fixture
def archive(client: TestClient) -> Callable[[int], Object]:
    """Return a function that archives a product and returns it."""

    def act(product: int) -> Object:
        answer = client.post(f"/products/{product}/archive")
        assert answer.status_code == 200, answer.text
        archived: Object = answer.json()
        return archived

    return act


def refusal(product: int) -> tuple[int, Object]:
    return 409, {"detail": f"Product {product} is archived"}


def outcome(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def test_body_tells_only_archived_products(client: TestClient, make: Factory) -> None:
    made = make.product(sku="A-1")
    where = f"/products/{made['id_key']}"
    for _ in range(2):
        answer = client.post(f"{where}/archive")
        assert (answer.status_code, list(answer.json().items())) == (200, [*made.items(), ("archived", True)])
        read = client.get(where)
        assert (read.content, read.headers["ETag"]) == (answer.content, answer.headers["ETag"])
    for method in UPDATES:
        changed = client.request(method, where, json={"price": 5, "archived": False})
        assert outcome(changed) == (200, made | {"price": 5, "archived": True})
    for _ in range(2):
        assert outcome(client.post(f"{where}/unarchive")) == (200, made | {"price": 5})
        assert client.get(where).json() == made | {"price": 5}
    assert outcome(client.put(where, json={"archived": True, "sku": None, "price": made["price"]})) == (
        200,
        {name: value for name, value in made.items() if name != "sku"},
    )


@pytest.mark.parametrize("action", ["archive", "unarchive"])
def test_action_on_no_product(client: TestClient, action: str) -> None:
    for id_key in (0, -1, 999, 2**63, 10**39):
        answer = client.post(f"/products/{id_key}/{action}")
        assert outcome(answer) == (404, {"message": f"Product with id {id_key} not found"})
    assert client.post(f"/products/x/{action}").status_code == 422
    assert client.get(f"/products/1/{action}").status_code == 405


def test_repeat_with_the_same_key_changes_nothing(client: TestClient, make: Factory) -> None:
    where, key = f"/products/{make.product()['id_key']}", {"Idempotency-Key": "once"}
    first = client.post(f"{where}/archive", headers=key)
    client.post(f"{where}/unarchive")
    repeat = client.post(f"{where}/archive", headers=key)
    assert (repeat.status_code, repeat.content) == (200, first.content)
    assert repeat.headers["ETag"] == first.headers["ETag"]
    assert (repeat.headers["Idempotency-Replayed"], "Location" in repeat.headers) == ("true", False)
    assert "archived" not in client.get(where).json()
    assert client.post(f"{where}/unarchive", headers=key).status_code == 422


def test_lists_omit_archived_products(client: TestClient, make: Factory, archive: Callable[[int], Object]) -> None:
    kept = make.product(name="Blue Ukulele", stock=1)
    category = kept["category_id"]
    gone = archive(make.product(name="Red Ukulele", stock=0, category_id=category, sku="U-2")["id_key"])
    filters = ("", "q=ukulele", "q=uk", "min_price=1", f"category_id={category}", f"min_price=1&category_id={category}")
    backwards = f"max_price=5000&sort=-id_key&after_id={2**63 - 1}"
    more = ("sort=price", "sort=-stock", "after_id=0", backwards, "limit=7&skip=0")
    paths = ("/products", f"/categories/{category}/products", "/products/low_stock")
    for path in paths:
        for query in (*filters, *more) if path == "/products" else ("",):
            for archived, found in (("", [kept]), ("&archived=false", [kept]), ("&archived=true", [gone])):
                answer = client.get(f"{path}?{query}{archived}&count=true")
                assert answer.json() == found, (path, query, archived)
                assert answer.headers["X-Total-Count"] == "1"
    assert [client.get(f"/products?sku=U-2{more}").json() for more in ("", "&archived=true")] == [[], [gone]]
    assert client.get(f"/products/{gone['id_key']}").json() == gone
    assert client.delete(f"/categories/{category}").status_code == 409


def test_action_drops_cached_reads(client: TestClient, make: Factory) -> None:
    made = make.product()
    paths = (f"/products/{made['id_key']}", "/products", "/products?archived=true")

    def read() -> list[Any]:
        answers = [client.get(path) for path in paths * 2]
        assert [answer.headers["X-Cache-Hit"] for answer in answers] == ["false"] * 3 + ["true"] * 3
        assert [answer.content for answer in answers[:3]] == [answer.content for answer in answers[3:]]
        return [answer.json() for answer in answers[:3]]

    archived = made | {"archived": True}
    assert read() == [made, [made], []]
    client.post(f"/products/{made['id_key']}/archive")
    assert read() == [archived, [], [archived]]
    client.post(f"/products/{made['id_key']}/unarchive")
    assert read() == [made, [made], []]


def test_archived_product_cannot_be_bought(
    client: TestClient, make: Factory, app: FastAPI, archive: Callable[[int], Object]
) -> None:
    product, other = (make.product(stock=10)["id_key"] for _ in range(2))
    order = make.order()["id_key"]
    detail, others = (make.order_detail(order_id=order, product_id=key, quantity=2) for key in (product, other))
    archive(product)
    sale = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    lines = [{"product_id": other, "quantity": 1}, {"product_id": product, "quantity": 1}]
    wrong_price = {"product_id": product, "quantity": 99, "price": 1}
    attempts = [
        client.post("/order_details", json={"quantity": 1, "order_id": order, "product_id": product}),
        client.post("/order_details", json=wrong_price | {"order_id": order}),
        client.post("/orders/checkout", json=sale | {"items": lines}),
        client.post("/orders/checkout", json=sale | {"items": [wrong_price]}, headers={"Idempotency-Key": "a"}),
        *(
            client.request(method, f"/order_details/{one['id_key']}", json=body)
            for method in UPDATES
            for one, body in ((detail, {"quantity": 3}), (others, {"product_id": product}))
        ),
    ]
    assert [outcome(answer) for answer in attempts] == [refusal(product)] * len(attempts)
    assert client.get(f"/products/{product}").json()["stock"] == 8
    assert client.get("/bills?count=true").headers["X-Total-Count"] == "1"
    client.post(f"/products/{product}/unarchive")
    assert client.patch(f"/order_details/{detail['id_key']}", json={"quantity": 3}).status_code == 200
    assert client.post("/orders/checkout", json=sale | {"items": lines}).status_code == 201
    assert disagreements(app.state.app_context.database.connection) == []


def test_missing_product_comes_before_an_archived_one(
    client: TestClient, make: Factory, archive: Callable[[int], Object]
) -> None:
    product = archive(make.product()["id_key"])["id_key"]
    lines = [{"product_id": key, "quantity": 1} for key in (999_999, product)]
    sale = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "items": lines}
    assert client.post("/orders/checkout", json=sale).status_code == 404


def test_units_of_an_archived_product_come_back(
    client: TestClient, make: Factory, app: FastAPI, archive: Callable[[int], Object]
) -> None:
    product, other = (make.product(stock=100)["id_key"] for _ in range(2))
    orders = [make.order()["id_key"] for _ in range(4)]
    details = [make.order_detail(order_id=order, product_id=product, quantity=5)["id_key"] for order in orders]
    archive(product)
    changes: list[tuple[str, str, Object | None, int]] = [
        ("PATCH", f"/order_details/{details[0]}", {"quantity": 3}, 82),
        ("PATCH", f"/order_details/{details[0]}", {"order_id": orders[1]}, 82),
        ("PATCH", f"/order_details/{details[0]}", {"order_id": orders[0], "quantity": 1}, 84),
        ("PATCH", f"/order_details/{details[0]}", {"product_id": other}, 85),
        ("DELETE", f"/order_details/{details[1]}", None, 90),
        ("PATCH", f"/orders/{orders[2]}", {"status": 4}, 95),
        ("DELETE", f"/orders/{orders[3]}", None, 100),
        ("POST", f"/products/{product}/stock_movements", {"quantity": -1, "reason": "damaged"}, 99),
        ("PUT", f"/products/{product}", {"stock": 3}, 3),
    ]
    for method, path, body, stock in changes:
        answer = client.request(method, path, json=body)
        assert answer.is_success, (path, answer.text)
        assert client.get(f"/products/{product}").json()["stock"] == stock, path
    assert disagreements(app.state.app_context.database.connection) == []


def test_action_is_for_admins_and_in_the_audit_log(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    where = f"/products/{make.product()['id_key']}"
    admin = key_headers(guarded_app)
    assert guarded.post(f"{where}/archive").status_code == 401
    for action in ("archive", "unarchive"):
        assert guarded.post(f"{where}/{action}", headers=admin).status_code == 200
    entries = "SELECT method, path, status FROM audit WHERE path LIKE :path ORDER BY id_key"
    rows = execute(guarded_app, entries, path=f"{where}/%")
    assert [tuple(row) for row in rows] == [("POST", f"{where}/{action}", 200) for action in ("archive", "unarchive")]


@pytest.mark.parametrize("way", ["detail", "checkout", "larger quantity"])
def test_nothing_is_sold_after_the_archive_is_answered(
    committing_client: TestClient, committing: Database, way: str
) -> None:
    """Buy from eight clients while the product is archived. Each attempt after the answer must be refused."""
    make = Factory(committing_client)
    product, order = make.product(stock=100_000)["id_key"], make.order()["id_key"]
    customer = make.customer()["id_key"]
    is_answered, is_selling = threading.Event(), threading.Semaphore(0)

    def buy() -> list[tuple[bool, int]]:
        """Buy until refused. Return whether the archive was answered before, and the status, of each attempt."""
        detail = make.order_detail(order_id=order, product_id=product, quantity=1)["id_key"]
        attempts = list[tuple[bool, int]]()
        for quantity in range(2, 10_000):
            known = is_answered.is_set()
            line = {"product_id": product, "quantity": quantity}
            if way == "detail":
                answer = make.client.post("/order_details", json=line | {"order_id": order, "quantity": 1})
            elif way == "checkout":
                sale = {"client_id": customer, "delivery_method": 1, "payment_type": "cash"}
                answer = make.client.post("/orders/checkout", json=sale | {"items": [line | {"quantity": 1}]})
            else:
                answer = make.client.patch(f"/order_details/{detail}", json={"quantity": quantity})
            attempts.append((known, answer.status_code))
            is_selling.release()
            if known:
                break
        return attempts

    def archive() -> list[tuple[bool, int]]:
        for _ in range(16):
            assert is_selling.acquire(timeout=60)
        assert make.client.post(f"/products/{product}/archive").status_code == 200
        is_answered.set()
        return []

    results = run_concurrently([archive, *[partial(buy)] * 8])
    attempts = [attempt for result in results for attempt in result]
    assert {status for known, status in attempts if known} == {409}
    assert {status for known, status in attempts if not known} <= {200, 201, 409}
    assert any(status in (200, 201) for _, status in attempts)
    with committing.engine.connect() as connection:
        assert disagreements(connection) == []
