"""Totals of checkout orders: order total = bill total = sum of the lines - discount, after every request."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.database import StatementCounter
from tests.factories import Factory, Object

DELIVERED, CANCELED = 3, 4
CLOSED = pytest.mark.parametrize("status", [DELIVERED, CANCELED])
METHODS = pytest.mark.parametrize("method", ["PUT", "PATCH"])


class Placed:
    """Checkout of two units at 30.00 and four at 10.00, less 60.00: a total of 40.00."""

    def __init__(self, client: TestClient, make: Factory) -> None:
        self.client, self.make = client, make
        self.dear, self.cheap = (make.product(stock=10, price=price)["id_key"] for price in (30, 10))
        placed = self.check_out([(self.dear, 2), (self.cheap, 4)], discount=60)
        self.order, self.bill = f"/orders/{placed['order']['id_key']}", f"/bills/{placed['bill']['id_key']}"
        self.order_id = placed["order"]["id_key"]
        self.first, self.second = (f"/order_details/{line['id_key']}" for line in placed["order_details"])

    def check_out(self, lines: list[tuple[int, int]], **fields: Any) -> Object:
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        body = {"client_id": self.make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
        return self.make.post("/orders/checkout", {**body, "items": items, **fields})

    def send(self, method: str, path: str, body: Object | None = None) -> tuple[int, Any]:
        answer = self.client.request(method, path, json=body)
        return answer.status_code, answer.json() if answer.content else None

    def read(self, path: str) -> Object:
        found: Object = self.client.get(path).json()
        return found

    def totals(self) -> tuple[float, float, float]:
        """Return the totals of order and bill, and the sum of the lines less the discount."""
        order, bill = self.read(self.order), self.read(self.bill)
        lines: Any = self.read(f"{self.order}/order_details")
        amount = sum(round(line["price"] * 100) * line["quantity"] for line in lines)
        return order["total"], bill["total"], (amount - round(bill["discount"] * 100)) / 100

    def snapshot(self) -> list[Any]:
        return [self.read(path) for path in ("/orders", "/bills", "/order_details", "/products")]

    def add(self, product: int, quantity: int, **fields: Any) -> tuple[int, Any]:
        body = {"order_id": self.order_id, "product_id": product, "quantity": quantity, **fields}
        return self.send("POST", "/order_details", body)


@pytest.fixture
def placed(client: TestClient, make: Factory) -> Placed:
    return Placed(client, make)


def assert_total(placed: Placed, total: float) -> None:
    assert placed.totals() == (total, total, total)


@METHODS
@pytest.mark.parametrize(
    ("body", "total"),
    [
        ({"discount": 55, "total": 45}, 45),
        ({"discount": 55}, 45),
        ({"discount": 55, "total": 40}, 45),
        ({"discount": 0}, 100),
        ({"discount": 100}, 0),
        ({"discount": 60}, 40),
        ({"total": 40, "discount": 60}, 40),
        ({"discount": 59.99, "payment_type": "card"}, 40.01),
    ],
)
def test_totals_follow_the_discount(placed: Placed, method: str, body: Object, total: float) -> None:
    """Accept the total of a bill that was read before, and the new total, next to a new discount."""
    before = placed.read(placed.bill)
    status, bill = placed.send(method, placed.bill, body)
    assert (status, bill) == (200, before | body | {"total": total})
    assert_total(placed, total)


def test_discount_above_the_sum_is_refused(placed: Placed) -> None:
    before = placed.snapshot()
    for body in ({"discount": 100.01}, {"discount": 100.01, "total": 0}):
        refused = placed.send("PATCH", placed.bill, body)
        assert refused == (400, {"detail": "Discount 100.01 is above the sum 100.00"})
    assert placed.snapshot() == before


@METHODS
def test_another_total_is_refused(placed: Placed, method: str) -> None:
    before = placed.snapshot()
    for path in (placed.order, placed.bill):
        for total in (39.99, 0, 100):
            status, body = placed.send(method, path, {"total": total})
            assert (status, list(body)) == (409, ["detail"])
        assert placed.send(method, path, {"total": 40})[0] == 200
    assert placed.send(method, placed.bill, {"discount": 55, "total": 44})[0] == 409
    assert placed.send(method, placed.order, placed.read(placed.order) | {"delivery_method": 3, "total": 41})[0] == 409
    assert placed.snapshot() == before


def test_totals_follow_an_added_line(placed: Placed) -> None:
    assert placed.add(placed.cheap, 1)[0] == 201
    assert_total(placed, 50)
    assert placed.add(placed.dear, 2, price=30)[0] == 201
    assert_total(placed, 110)
    before = placed.snapshot()
    assert placed.add(placed.cheap, 6)[0] == 400
    assert placed.add(placed.cheap, 1, price=11)[0] == 400
    assert placed.snapshot() == before


def test_a_repeated_line_counts_once(placed: Placed) -> None:
    body = {"order_id": placed.order_id, "product_id": placed.cheap, "quantity": 1}
    answers = [placed.client.post("/order_details", json=body, headers={"Idempotency-Key": "line"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert_total(placed, 50)


def test_line_that_raises_the_total_above_the_limit_is_refused(placed: Placed, make: Factory) -> None:
    dearest = make.product(price=9999999999.99, stock=9)["id_key"]
    before = placed.snapshot()
    for answer in (
        placed.add(dearest, 1),
        placed.add(dearest, 5),
        placed.send("PATCH", placed.first, {"product_id": dearest}),
    ):
        assert (answer[0], list(answer[1])) == (400, ["detail"])
        assert "is above the limit 9999999999.99" in answer[1]["detail"]
    assert placed.snapshot() == before


def test_totals_follow_a_changed_line(placed: Placed) -> None:
    for changes, total in (
        ({"quantity": 3}, 70),
        ({"quantity": 1}, 10),
        ({"product_id": placed.cheap, "quantity": 5}, 30),
        ({"product_id": placed.dear}, 130),
    ):
        assert placed.send("PUT", placed.first, changes)[0] == 200
        assert_total(placed, total)


def test_a_line_keeps_its_price_in_the_totals(placed: Placed) -> None:
    assert placed.send("PATCH", f"/products/{placed.dear}", {"price": 35})[0] == 200
    assert placed.send("PATCH", placed.first, {"quantity": 3})[0] == 200
    assert_total(placed, 70)
    assert placed.add(placed.dear, 1)[0] == 201
    assert_total(placed, 105)


def test_totals_follow_a_deleted_line(placed: Placed) -> None:
    placed.send("PATCH", placed.bill, {"discount": 40})
    assert placed.send("DELETE", placed.first) == (204, None)
    assert_total(placed, 0)


def test_sum_below_the_discount_is_refused(placed: Placed, make: Factory) -> None:
    """Delete, reduce, exchange and move a line whose amount the discount needs."""
    penny, other = make.product(price=0.01)["id_key"], make.order()["id_key"]
    placed.send("PATCH", placed.bill, {"discount": 71})
    before = placed.snapshot()
    for method, body, amount in (
        ("DELETE", None, "40.00"),
        ("PATCH", {"quantity": 1}, "70.00"),
        ("PATCH", {"quantity": 1, "product_id": penny}, "40.01"),
        ("PATCH", {"order_id": other}, "40.00"),
    ):
        refused = placed.send(method, placed.first, body)
        assert refused == (400, {"detail": f"Discount 71.00 is above the sum {amount}"})
    assert placed.snapshot() == before


def test_last_line_can_neither_be_deleted_nor_moved_away(placed: Placed, make: Factory) -> None:
    """An order without lines would keep its total: 30.00 for nothing."""
    placed.send("PATCH", placed.bill, {"discount": 0})
    assert placed.send("DELETE", placed.second)[0] == 204
    message = f"Order {placed.order_id} keeps its last detail: cancel the order instead"
    other = make.order()["id_key"]
    before = placed.snapshot()
    assert placed.send("DELETE", placed.first) == (409, {"detail": message})
    assert placed.send("PATCH", placed.first, {"order_id": other}) == (409, {"detail": message})
    assert placed.snapshot() == before
    assert placed.send("PATCH", placed.first, {"quantity": 1})[0] == 200
    assert_total(placed, 30)
    assert placed.send("PATCH", placed.order, {"status": CANCELED})[0] == 200
    assert_total(placed, 30)


def test_line_moves_between_orders_with_its_amount(placed: Placed, make: Factory) -> None:
    placed.send("PATCH", placed.bill, {"discount": 0})
    plain = make.order(total=7)
    source = make.order_detail(order_id=plain["id_key"], product_id=placed.cheap, quantity=1)
    assert placed.send("PATCH", f"/order_details/{source['id_key']}", {"order_id": placed.order_id})[0] == 200
    assert_total(placed, 110)
    assert placed.send("PATCH", placed.second, {"order_id": plain["id_key"], "quantity": 9})[0] == 200
    assert_total(placed, 70)
    assert placed.read(f"/orders/{plain['id_key']}")["total"] == 7
    other = placed.check_out([(placed.dear, 1)])["order"]["id_key"]
    assert placed.send("PATCH", f"/order_details/{source['id_key']}", {"order_id": other})[0] == 200
    assert_total(placed, 60)
    moved = placed.read(f"/orders/{other}")
    assert moved["total"] == placed.read(f"/bills/{moved['bill_id']}")["total"] == 40


def test_plain_orders_keep_free_totals(client: TestClient, make: Factory) -> None:
    """The discount of a bill does not bound its total, nor the total the discount."""
    bill = make.bill(total=10, discount=10.01)
    order = make.order(total=5, bill_id=bill["id_key"])
    detail = make.order_detail(order_id=order["id_key"])
    for change in ({"total": 9.99}, {"discount": 20}, {"total": 5, "discount": 60}):
        bill |= change
        assert client.put(f"/bills/{bill['id_key']}", json=change).json() == bill
    assert client.patch(f"/orders/{order['id_key']}", json={"total": 999}).json() == order | {"total": 999}
    assert client.patch(f"/order_details/{detail['id_key']}", json={"quantity": 1}).status_code == 200
    assert client.delete(f"/order_details/{detail['id_key']}").status_code == 204
    assert client.get(f"/orders/{order['id_key']}").json() == order | {"total": 999}
    assert client.get(f"/bills/{bill['id_key']}").json() == bill


@CLOSED
def test_totals_of_a_closed_order_are_final(placed: Placed, status: int) -> None:
    placed.send("PATCH", placed.order, {"status": status})
    before = placed.snapshot()
    name = {DELIVERED: "DELIVERED", CANCELED: "CANCELED"}[status]
    for body in ({"discount": 0}, {"total": 1}, {"discount": 55, "total": 45}):
        refused = placed.send("PATCH", placed.bill, body)
        assert refused == (409, {"detail": f"Order {placed.order_id} is {name}: its total can no longer change"})
    for path in (placed.first, placed.second, placed.bill, placed.order):
        assert placed.send("PUT", path, placed.read(path)) == (200, placed.read(path))
    assert placed.send("DELETE", placed.first)[0] == placed.add(placed.cheap, 1)[0] == 409
    assert placed.snapshot() == before
    assert placed.send("PATCH", placed.bill, {"payment_type": "card"})[0] == 200


def test_bill_of_a_deleted_order_is_free(placed: Placed) -> None:
    assert placed.send("DELETE", placed.order)[0] == 204
    assert placed.send("PATCH", placed.bill, {"discount": 1000, "total": 1})[0] == 200
    assert placed.send("DELETE", placed.bill)[0] == 204


def test_added_line_takes_one_statement(placed: Placed, statements: StatementCounter) -> None:
    before = len(statements)
    assert placed.add(placed.cheap, 1)[0] == 201
    assert len(statements) - before == 1
