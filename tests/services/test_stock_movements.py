"""Stock ledger: each change of stock has its movement, whoever makes it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from tests.factories import Factory, Object

Ledger = Callable[..., list[Any]]


@pytest.fixture
def ledger(client: TestClient) -> Ledger:
    """Return a function that reads some fields of a product's movements."""

    def read(product: int, *fields: str) -> list[Any]:
        movements = client.get(f"/products/{product}/stock_movements").json()
        return [
            tuple(movement[name] for name in fields or ("quantity", "stock_after", "reason")) for movement in movements
        ]

    return read


def test_each_change_of_stock_is_recorded(client: TestClient, make: Factory, app: FastAPI, ledger: Ledger) -> None:
    product, other, unstocked = (make.product(stock=stock)["id_key"] for stock in (20, 9, 0))
    detail = make.order_detail(product_id=product, quantity=3)["id_key"]
    client.patch(f"/order_details/{detail}", json={"quantity": 5})
    client.patch(f"/order_details/{detail}", json={"quantity": 1})
    client.patch(f"/order_details/{detail}", json={"product_id": other})
    client.delete(f"/order_details/{detail}")
    client.put(f"/products/{product}", json={"stock": 7})
    client.put(f"/products/{product}", json={"stock": 7, "name": "New"})
    fields = ("quantity", "stock_after", "reason", "order_detail_id")
    assert ledger(product, *fields) == [
        (20, 20, "initial", None),
        (-3, 17, "sold", detail),
        (-2, 15, "sold", detail),
        (4, 19, "restored", detail),
        (1, 20, "restored", detail),
        (-13, 7, "corrected", None),
    ]
    assert ledger(other, *fields) == [
        (9, 9, "initial", None),
        (-1, 8, "sold", detail),
        (1, 9, "restored", detail),
    ]
    assert ledger(unstocked) == []
    assert disagreements(app.state.app_context.database.connection) == []


@pytest.mark.parametrize("end", ["cancel", "delete", "deliver and delete", "cancel and delete"])
def test_orders_record_a_movement_for_each_line(
    client: TestClient, make: Factory, app: FastAPI, ledger: Ledger, end: str
) -> None:
    first, second = (make.product(stock=10)["id_key"] for _ in range(2))
    lines = [(second, 1), (first, 2), (second, 3), (second, 4)]
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
    placed = make.post("/orders/checkout", {**body, "items": items})
    path, details = f"/orders/{placed['order']['id_key']}", [line["id_key"] for line in placed["order_details"]]
    for step in end.split(" and "):
        if step == "delete":
            assert client.delete(path).status_code == 204
        else:
            assert client.patch(path, json={"status": 4 if step == "cancel" else 3}).status_code == 200
        assert disagreements(app.state.app_context.database.connection) == []
    sold = [(-1, 9, "sold", details[0]), (-3, 6, "sold", details[2]), (-4, 2, "sold", details[3])]
    restored = [(1, 3, "restored", details[0]), (3, 6, "restored", details[2]), (4, 10, "restored", details[3])]
    fields = ("quantity", "stock_after", "reason", "order_detail_id")
    assert ledger(second, *fields)[1:] == sold + ([] if end == "deliver and delete" else restored)
    assert ledger(first)[1] == (-2, 8, "sold")


def test_stock_is_received_damaged_and_counted(client: TestClient, make: Factory, app: FastAPI, ledger: Ledger) -> None:
    product = make.product(stock=5)["id_key"]
    path = f"/products/{product}/stock_movements"
    made = client.post(path, json={"quantity": 4, "reason": "received", "note": " Delivery 7 "})
    assert made.status_code == 201
    movement = made.json()
    assert list(movement) == [
        *("id_key", "product_id", "quantity", "stock_after", "reason", "order_detail_id", "note", "created_at")
    ]
    assert (movement["note"], movement["stock_after"], movement["order_detail_id"]) == ("Delivery 7", 9, None)
    assert client.get(made.headers["Location"]).json() == movement
    assert client.post(path, json={"quantity": -9, "reason": "damaged"}).json()["stock_after"] == 0
    short = client.post(path, json={"quantity": -2, "reason": "damaged"})
    assert (short.status_code, short.json()["detail"]) == (
        400,
        f"Insufficient stock for product {product}. Requested: 2, Available: 0",
    )
    assert client.post(path, json={"stock": 3, "reason": "counted"}).json()["quantity"] == 3
    same = client.post(path, json={"stock": 3, "reason": "counted"})
    assert (same.status_code, same.content) == (204, b"")
    assert ledger(product) == [(5, 5, "initial"), (4, 9, "received"), (-9, 0, "damaged"), (3, 3, "counted")]
    assert client.get(f"/products/{product}").json()["stock"] == 3
    assert disagreements(app.state.app_context.database.connection) == []


@pytest.mark.parametrize(
    "body",
    [
        {"quantity": -1, "reason": "received"},
        {"quantity": 0, "reason": "received"},
        {"quantity": 1, "reason": "damaged"},
        {"quantity": 1, "reason": "sold"},
        {"quantity": 1, "reason": None},
        {"quantity": 1},
        {"stock": 1, "reason": "received"},
        {"quantity": 1, "reason": "counted"},
        {"stock": -1, "reason": "counted"},
        {"stock": True, "reason": "counted"},
        {"quantity": 2**31, "reason": "received"},
        {"quantity": 1.5, "reason": "received"},
        {"quantity": 1, "reason": "received", "note": "x" * 501},
        {"quantity": 1, "reason": "received", "note": "\x00"},
        [],
    ],
)
def test_invalid_movements_are_refused(client: TestClient, make: Factory, ledger: Ledger, body: Any) -> None:
    product = make.product(stock=5)["id_key"]
    answer = client.post(f"/products/{product}/stock_movements", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] in (["body"], ["body", "quantity"], ["body", "stock"], ["body", "note"])
    assert ledger(product) == [(5, 5, "initial")]


@pytest.mark.parametrize("missing", [999, 2**63, 2**80, 0])
def test_missing_products_and_movements_are_404(client: TestClient, missing: int) -> None:
    path, message = f"/products/{missing}/stock_movements", {"message": f"Product with id {missing} not found"}
    bodies: tuple[Object, ...] = ({"quantity": 1, "reason": "received"}, {"stock": 1, "reason": "counted"})
    answers = [client.get(path), *[client.post(path, json=body) for body in bodies]]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, message)] * 3
    one = client.get(f"/stock_movements/{missing}")
    assert (one.status_code, one.json()) == (404, {"message": f"StockMovement with id {missing} not found"})


def test_if_match_protects_sales_since_the_count(client: TestClient, make: Factory, ledger: Ledger) -> None:
    product = make.product(stock=10)["id_key"]
    path, count = f"/products/{product}/stock_movements", {"stock": 10, "reason": "counted"}
    counted_at = {"If-Match": client.get(f"/products/{product}").headers["ETag"]}
    make.order_detail(product_id=product, quantity=1)
    for body in (count, {"quantity": 1, "reason": "received"}):
        assert client.post(path, json=body, headers=counted_at).status_code == 412
    again = {"If-Match": client.get(f"/products/{product}").headers["ETag"]}
    assert client.post(path, json=count, headers=again).status_code == 201
    assert ledger(product) == [(10, 10, "initial"), (-1, 9, "sold"), (1, 10, "counted")]


def test_repeats_with_a_key_move_stock_once(client: TestClient, make: Factory, ledger: Ledger) -> None:
    product = make.product(stock=5)["id_key"]
    path = f"/products/{product}/stock_movements"
    bodies: tuple[tuple[Object, int], ...] = (
        ({"quantity": 4, "reason": "received"}, 201),
        ({"quantity": -99, "reason": "damaged"}, 400),
        ({"stock": 7, "reason": "counted"}, 204),
        ({"stock": 8, "reason": "counted"}, 201),
    )
    for number, (body, status) in enumerate(bodies):
        answers = [client.post(path, json=body, headers={"Idempotency-Key": f"k{number}"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert answers[0].content == answers[1].content
        assert answers[1].headers["Idempotency-Replayed"] == "true"
        make.order_detail(product_id=product, quantity=1)
        assert client.post(path, json=body, headers={"Idempotency-Key": f"k{number}"}).status_code == status
    assert ledger(product)[-1] == (-1, 7, "sold")


def test_lists_have_pages(client: TestClient, make: Factory) -> None:
    product = make.product(stock=1)["id_key"]
    path = f"/products/{product}/stock_movements"
    for _ in range(4):
        make.post(path, {"quantity": 1, "reason": "received"})
    keys = [movement["id_key"] for movement in client.get(path).json()]
    page = client.get(f"{path}?limit=2&count=true&after_id={keys[1]}")
    assert [movement["id_key"] for movement in page.json()] == keys[2:4]
    assert page.headers["X-Total-Count"] == "5"
    assert f"after_id={keys[3]}" in page.headers["Link"]
    assert [movement["id_key"] for movement in client.get(f"{path}?skip=3&sort=-id_key").json()] == keys[1::-1]


def test_other_writers_are_recorded_as_corrections(
    client: TestClient, make: Factory, app: FastAPI, ledger: Ledger
) -> None:
    """Include the statements of the version before the ledger."""
    product = make.product(stock=5)["id_key"]
    with app.state.app_context.database.sessions() as session:
        session.execute(text("UPDATE products SET stock = stock + 1, price = 7"))
        session.execute(text("UPDATE products SET name = 'x', stock = stock"))
        session.execute(text("UPDATE products SET stock = 0"))
        session.execute(
            text(
                "INSERT INTO products (name, price, stock, category_id, supplied) "
                "SELECT name, price, 3, category_id, 3 FROM products"
            )
        )
        session.commit()
    assert ledger(product) == [(5, 5, "initial"), (1, 6, "corrected"), (-6, 0, "corrected")]
    assert ledger(product + 1) == [(3, 3, "initial")]
    assert disagreements(app.state.app_context.database.connection) == []
    assert client.delete(f"/products/{product}").status_code == 204
    assert client.get(f"/products/{product}/stock_movements").status_code == 404


def test_a_movement_is_never_hidden_by_the_cache(committing_client: TestClient, committing: Database) -> None:
    """Read a product in turn with movements of all kinds, which run at the same time for other products."""
    make, client = Factory(committing_client), committing_client
    products = [make.product(stock=0)["id_key"] for _ in range(4)]
    bodies: list[Object] = [{"quantity": 3, "reason": "received"}, {"quantity": -1, "reason": "damaged"}]

    def move(product: int) -> None:
        for turn in range(1, 11):
            for body in [*bodies, {"stock": 2 * turn, "reason": "counted"}]:
                answer = client.post(f"/products/{product}/stock_movements", json=body)
                assert answer.status_code in (201, 204)
                stock = client.get(f"/products/{product}").json()["stock"]
                assert answer.status_code == 204 or stock == answer.json()["stock_after"]
            assert stock == 2 * turn

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(move, products))
    with committing.engine.connect() as connection:
        assert disagreements(connection) == []
