"""Orders, their details, and the stock that they hold."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from repositories.checks.consistency_check import disagreements
from tests.database import StatementCounter
from tests.factories import Factory, Object

PENDING, IN_PROGRESS, DELIVERED, CANCELED = 1, 2, 3, 4
NAMES = {PENDING: "PENDING", IN_PROGRESS: "IN_PROGRESS", DELIVERED: "DELIVERED", CANCELED: "CANCELED"}
ALLOWED = {(1, 2), (1, 3), (1, 4), (2, 3), (2, 4)}


class Shop:
    """Shop with a product of ten units, and an order that holds three of them."""

    def __init__(self, client: TestClient, make: Factory) -> None:
        self.client, self.make = client, make
        self.product = make.product(stock=10, price=5)
        self.order = make.order()
        self.detail = self.add(3)

    def add(self, quantity: int, **fields: Any) -> Object:
        references = {"order_id": self.order["id_key"], "product_id": self.product["id_key"]}
        return self.make.order_detail(quantity=quantity, **(references | fields))

    def stock(self, product: Object | None = None) -> int:
        found: int = self.client.get(f"/products/{(product or self.product)['id_key']}").json()["stock"]
        return found

    def change(self, **fields: Any) -> Any:
        return self.client.put(f"/order_details/{self.detail['id_key']}", json=fields)

    def change_order(self, **fields: Any) -> Any:
        return self.client.put(f"/orders/{self.order['id_key']}", json=fields)

    def details(self) -> list[Object]:
        found: list[Object] = self.client.get(f"/orders/{self.order['id_key']}/order_details").json()
        return found


@pytest.fixture
def shop(client: TestClient, make: Factory) -> Shop:
    return Shop(client, make)


def test_detail_takes_and_restores_stock(shop: Shop) -> None:
    assert shop.stock() == 7
    second = shop.add(7)
    assert shop.stock() == 0
    assert shop.client.delete(f"/order_details/{second['id_key']}").status_code == 204
    assert shop.stock() == 7
    assert shop.client.delete(f"/order_details/{second['id_key']}").status_code == 404
    assert shop.stock() == 7


def test_any_stock_can_be_set_and_restored_whatever_was_sold(app: FastAPI, client: TestClient, make: Factory) -> None:
    """Restore units to the greatest stock that can be set. The result has no bound."""
    greatest = 2**31 - 1
    product = make.product(stock=greatest, price=1)
    path, sold = f"/products/{product['id_key']}", []
    for _ in range(2):
        order = make.order()["id_key"]
        sold.append(make.order_detail(order_id=order, product_id=product["id_key"], quantity=greatest))
        put = client.put(path, json={"stock": greatest})
        assert (put.status_code, put.json()) == (200, product)
    assert client.delete(f"/order_details/{sold[0]['id_key']}").status_code == 204
    assert client.patch(f"/orders/{order}", json={"status": CANCELED}).status_code == 200
    restored = product | {"stock": 3 * greatest}
    assert client.get(path).json() == restored
    assert client.get("/products").json() == [restored]
    assert client.patch(path, json={"name": "Notebook"}).json() == restored | {"name": "Notebook"}
    assert client.put(path, json={"stock": greatest + 1}).status_code == 422
    checkout = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    items = [{"product_id": product["id_key"], "quantity": greatest}] * 3
    assert client.post("/orders/checkout", json={**checkout, "items": items}).status_code == 201
    assert client.get(path).json()["stock"] == 0
    assert disagreements(app.state.app_context.database.connection) == []


def test_refused_detail_takes_no_stock(shop: Shop) -> None:
    product, order = shop.product["id_key"], shop.order["id_key"]
    for body, status in (
        ({"quantity": 8, "order_id": order, "product_id": product}, 400),
        ({"quantity": 2**31 - 1, "order_id": order, "product_id": product}, 400),
        ({"quantity": 1, "order_id": order, "product_id": product, "price": 5.01}, 400),
        ({"quantity": 1, "order_id": 999, "product_id": product}, 404),
        ({"quantity": 0, "order_id": order, "product_id": product}, 422),
    ):
        assert shop.client.post("/order_details", json=body).status_code == status
    assert shop.stock() == 7
    assert shop.details() == [shop.detail]


@pytest.mark.parametrize(("quantity", "left"), [(1, 9), (3, 7), (4, 6), (10, 0)])
def test_new_quantity_moves_the_difference(shop: Shop, quantity: int, left: int) -> None:
    assert shop.change(quantity=quantity).json() == shop.detail | {"quantity": quantity}
    assert shop.stock() == left


def test_new_quantity_above_the_stock_is_refused(shop: Shop) -> None:
    refused = shop.change(quantity=11)
    message = f"Insufficient stock for product {shop.product['id_key']}. Requested: 8, Available: 7"
    assert (refused.status_code, refused.json()) == (400, {"detail": message})
    assert (shop.stock(), shop.details()) == (7, [shop.detail])


def test_new_product_restores_the_old_stock_and_takes_its_own(shop: Shop, make: Factory) -> None:
    other = make.product(stock=4, price=8)
    changed = shop.change(product_id=other["id_key"], quantity=4)
    assert changed.json() == shop.detail | {"product_id": other["id_key"], "quantity": 4, "price": 8}
    assert (shop.stock(), shop.stock(other)) == (10, 0)
    back = shop.change(product_id=shop.product["id_key"])
    assert back.json() == shop.detail | {"quantity": 4}
    assert (shop.stock(), shop.stock(other)) == (6, 4)


def test_new_product_with_too_little_stock_is_refused(shop: Shop, make: Factory) -> None:
    other = make.product(stock=2)
    refused = shop.change(product_id=other["id_key"])
    message = f"Insufficient stock for product {other['id_key']}. Requested: 3, Available: 2"
    assert (refused.status_code, refused.json()) == (400, {"detail": message})
    assert shop.change(product_id=999).json() == {"message": "Product with id 999 not found"}
    assert (shop.stock(), shop.stock(other), shop.details()) == (7, 2, [shop.detail])


def test_new_order_of_a_detail_moves_no_stock(shop: Shop, make: Factory) -> None:
    other = make.order()
    assert shop.change(order_id=other["id_key"]).json() == shop.detail | {"order_id": other["id_key"]}
    assert (shop.stock(), shop.details()) == (7, [])
    assert shop.client.delete(f"/orders/{other['id_key']}").status_code == 204
    assert shop.stock() == 10


def test_detail_moves_neither_into_nor_out_of_a_closed_order(shop: Shop, make: Factory) -> None:
    closed = make.order(status=DELIVERED)
    refused = shop.change(order_id=closed["id_key"])
    assert (refused.status_code, list(refused.json())) == (409, ["detail"])
    shop.change_order(status=DELIVERED)
    assert shop.change(order_id=make.order()["id_key"]).status_code == 409
    assert (shop.stock(), shop.details()) == (7, [shop.detail])


def test_detail_keeps_its_price(shop: Shop) -> None:
    path = f"/products/{shop.product['id_key']}"
    assert shop.client.put(path, json={"price": 6}).status_code == 200
    assert shop.change(quantity=4).json() == shop.detail | {"quantity": 4}
    assert shop.change(price=5, quantity=2).json() == shop.detail | {"quantity": 2}
    refused = shop.change(price=4)
    assert (refused.status_code, refused.json()) == (400, {"detail": "Price mismatch. Expected 6.00, got 4.00"})
    assert shop.add(1)["price"] == 6
    assert shop.details()[0]["price"] == 5


def test_price_with_a_new_product_must_match_it(shop: Shop, make: Factory) -> None:
    other = make.product(price=8)
    refused = shop.change(product_id=other["id_key"], price=5)
    assert (refused.status_code, refused.json()) == (400, {"detail": "Price mismatch. Expected 8.00, got 5.00"})
    assert shop.change(product_id=other["id_key"], price=8).json()["price"] == 8


@pytest.mark.parametrize("status", [PENDING, IN_PROGRESS])
def test_cancel_restores_the_stock_once_and_keeps_the_details(shop: Shop, status: int) -> None:
    shop.change_order(status=status)
    shop.add(2)
    shop.add(1)
    held = shop.details()
    for _ in range(2):
        assert shop.change_order(status=CANCELED).json() == shop.order | {"status": CANCELED}
        assert (shop.stock(), shop.details()) == (10, held)
    assert shop.client.delete(f"/orders/{shop.order['id_key']}").status_code == 204
    assert shop.stock() == 10
    assert shop.client.get("/order_details").json() == []


@pytest.mark.parametrize(("status", "left"), [(PENDING, 10), (IN_PROGRESS, 10), (DELIVERED, 4), (CANCELED, 10)])
def test_delete_restores_the_stock_of_an_undelivered_order(shop: Shop, make: Factory, status: int, left: int) -> None:
    other = make.product(stock=1)
    shop.add(3)
    shop.add(1, product_id=other["id_key"])
    shop.change_order(status=status)
    assert shop.client.delete(f"/orders/{shop.order['id_key']}").status_code == 204
    assert (shop.stock(), shop.stock(other)) == (left, int(left == 10))
    assert shop.client.get("/order_details").json() == []
    assert shop.client.delete(f"/orders/{shop.order['id_key']}").status_code == 404
    for needed in (f"/products/{shop.product['id_key']}", f"/bills/{shop.order['bill_id']}"):
        assert shop.client.delete(needed).status_code == 204


@pytest.mark.parametrize("status", [DELIVERED, CANCELED])
def test_details_of_a_closed_order_cannot_change(shop: Shop, status: int) -> None:
    shop.change_order(status=status)
    stock = shop.stock()
    add = {"quantity": 1, "order_id": shop.order["id_key"], "product_id": shop.product["id_key"]}
    message = f"Order {shop.order['id_key']} is {NAMES[status]}: its details can no longer change"
    for answer in (
        shop.client.post("/order_details", json=add),
        shop.client.post("/order_details", json=add | {"product_id": 999}),
        shop.change(quantity=1),
        shop.change(price=6),
        shop.change(product_id=shop.make.product()["id_key"]),
        shop.client.delete(f"/order_details/{shop.detail['id_key']}"),
    ):
        assert (answer.status_code, answer.json()) == (409, {"detail": message})
    assert (shop.stock(), shop.details()) == (stock, [shop.detail])


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("status", [DELIVERED, CANCELED])
def test_closed_order_is_read_only(shop: Shop, method: str, status: int) -> None:
    shop.change_order(status=status)
    path, closed = f"/orders/{shop.order['id_key']}", shop.order | {"status": status}
    message = f"Order {shop.order['id_key']} is {NAMES[status]}: it can no longer change"
    for name, value in (
        ("delivery_method", 1),
        ("date", "2026-01-02T03:04:05Z"),
        ("total", 1),
        ("client_id", shop.make.customer()["id_key"]),
        ("bill_id", shop.make.bill()["id_key"]),
    ):
        for body in ({name: value}, closed | {name: value}):
            refused = shop.client.request(method, path, json=body)
            assert (refused.status_code, refused.json()) == (409, {"detail": message})
    assert shop.client.get(path).json() == closed


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("status", NAMES)
def test_current_values_change_nothing(shop: Shop, app: FastAPI, method: str, status: int) -> None:
    """Write what is there, to a detail whose product has another price now, and to its order."""
    shop.client.patch(f"/products/{shop.product['id_key']}", json={"price": 6})
    shop.change_order(status=status)

    def rows() -> list[Any]:
        with app.state.app_context.database.sessions() as session:
            query = "SELECT *, ctid::text FROM {} ORDER BY id_key"  # a new version of a row has another place
            return [
                session.execute(text(query.format(table))).all() for table in ("orders", "order_details", "products")
            ]

    before = rows()
    for path in (f"/orders/{shop.order['id_key']}", f"/order_details/{shop.detail['id_key']}"):
        read = shop.client.get(path)
        for body in (read.json(), {}, {"price": 5, "status": status}):
            same = shop.client.request(method, path, json=body, headers={"If-Match": read.headers["ETag"]})
            assert (same.status_code, same.content) == (200, read.content)
    assert rows() == before


@pytest.mark.parametrize("before", NAMES)
def test_only_allowed_status_transitions_succeed(shop: Shop, make: Factory, before: int) -> None:
    for after, name in NAMES.items():
        order = make.order(status=before)
        answer = shop.client.patch(f"/orders/{order['id_key']}", json={"status": after, "delivery_method": 3})
        if before == after or (before, after) in ALLOWED:
            assert (answer.status_code, answer.json()) == (200, order | {"status": after})
        else:
            message = f"Invalid status transition: {NAMES[before]} -> {name}"
            assert (answer.status_code, answer.json()) == (409, {"detail": message})
            assert shop.client.get(f"/orders/{order['id_key']}").json() == order


def test_history_lists_the_creation_and_every_status_change(shop: Shop) -> None:
    path = f"/orders/{shop.order['id_key']}"
    for change in ({"status": PENDING}, {"status": IN_PROGRESS}, {"total": 7}, {"status": 5}, {"status": PENDING}):
        shop.change_order(**change)
    shop.change_order(status=DELIVERED)
    shop.change_order(status=CANCELED)
    history = shop.client.get(f"{path}/history").json()
    assert [list(change) for change in history] == [["from_status", "to_status", "changed_at"]] * 3
    assert [(change["from_status"], change["to_status"]) for change in history] == [(None, 1), (1, 2), (2, 3)]
    moments = [change["changed_at"] for change in history]
    assert moments == sorted(moments)
    assert all(moment.endswith("Z") for moment in moments)
    assert shop.client.get(f"{path}/history").headers["ETag"]
    shop.client.delete(path)
    gone = shop.client.get(f"{path}/history")
    assert (gone.status_code, gone.json()) == (404, {"message": f"Order with id {shop.order['id_key']} not found"})


def test_order_may_start_in_any_status(client: TestClient, make: Factory) -> None:
    for status in NAMES:
        order = make.order(status=status)
        history = client.get(f"/orders/{order['id_key']}/history").json()
        assert [(change["from_status"], change["to_status"]) for change in history] == [(None, status)]


def test_dates_are_converted_to_utc(client: TestClient, make: Factory) -> None:
    for written, kept in (
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.5+05:30", "2026-01-01T21:34:05.500000Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
    ):
        order = make.order(date=written)
        assert order["date"] == kept
        assert client.get(f"/orders/{order['id_key']}").json() == order
    wrong = ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-01-02T25:00:00Z", 1700000000)
    for refused in wrong:
        body = {"total": 1, "delivery_method": 1, "client_id": order["client_id"], "bill_id": order["bill_id"]}
        assert client.post("/orders", json=body | {"date": refused}).status_code == 422


def test_stale_stock_update_is_refused(shop: Shop) -> None:
    path = f"/products/{shop.product['id_key']}"
    read = shop.client.get(path)
    shop.add(2)
    stale = shop.client.put(path, json={"stock": read.json()["stock"]}, headers={"If-Match": read.headers["ETag"]})
    assert (stale.status_code, shop.stock()) == (412, 5)


def test_cancel_takes_few_statements_for_any_number_of_details(shop: Shop, statements: StatementCounter) -> None:
    """Compare orders with two and with nine details."""

    def count_statements(lines: int) -> int:
        order = shop.make.order()
        for _ in range(lines):
            shop.add(1, order_id=order["id_key"], product_id=shop.make.product()["id_key"])
        before = len(statements)
        assert shop.client.put(f"/orders/{order['id_key']}", json={"status": CANCELED}).status_code == 200
        return len(statements) - before

    assert count_statements(2) == count_statements(9) <= 7
