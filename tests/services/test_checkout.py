"""Checkout: a whole order in one request."""

from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.database import StatementCounter
from tests.factories import Factory, Object

BODY = {"delivery_method": 3, "payment_type": "card"}


def items(*lines: tuple[Object, int]) -> list[Object]:
    return [{"product_id": product["id_key"], "quantity": quantity} for product, quantity in lines]


class Checkout:
    def __init__(self, client: TestClient, make: Factory) -> None:
        self.client, self.make = client, make
        self.customer = make.customer()

    def __call__(self, *lines: tuple[Object, int], **fields: Any) -> Any:
        body = {"client_id": self.customer["id_key"], "items": items(*lines)} | BODY | fields
        return self.client.post("/orders/checkout", json=body)

    def snapshot(self) -> list[Any]:
        """Return all objects that a checkout could change."""
        return [self.client.get(path).json() for path in ("/orders", "/bills", "/order_details", "/products")]


@pytest.fixture
def checkout(client: TestClient, make: Factory) -> Checkout:
    return Checkout(client, make)


def test_checkout_creates_bill_order_and_details_and_takes_stock(checkout: Checkout, make: Factory) -> None:
    laptop, mouse = make.product(price=999.99, stock=5), make.product(price=0.1, stock=7)
    placed = checkout((mouse, 3), (laptop, 2))
    assert placed.status_code == 201, placed.text
    order, bill, details = (placed.json()[name] for name in ("order", "bill", "order_details"))
    assert list(placed.json()) == ["order", "bill", "order_details"]
    assert placed.headers["Location"] == f"/orders/{order['id_key']}"
    assert (order["total"], bill["total"], bill["discount"]) == (2000.28, 2000.28, 0)
    assert (order["status"], order["delivery_method"], bill["payment_type"]) == (1, 3, "card")
    assert (order["client_id"], order["bill_id"]) == (checkout.customer["id_key"], bill["id_key"])
    assert [(line["product_id"], line["quantity"], line["price"]) for line in details] == [
        (mouse["id_key"], 3, 0.1),
        (laptop["id_key"], 2, 999.99),
    ]
    assert checkout.snapshot() == [[order], [bill], details, [laptop | {"stock": 3}, mouse | {"stock": 4}]]
    history = checkout.client.get(f"/orders/{order['id_key']}/history").json()
    assert [(change["from_status"], change["to_status"]) for change in history] == [(None, 1)]


@pytest.mark.parametrize(
    ("prices", "quantities", "discount", "total"),
    [
        (["0.10", "0.20"], [1, 1], "0", "0.30"),
        (["0.07"], [100], "0.01", "6.99"),
        (["1.10", "2.20", "3.30"], [3, 3, 3], "0.30", "19.50"),
        (["33.33", "66.67"], [3, 7], "100.00", "466.68"),
        (["999999.99"], [9999], "0", "9998999900.01"),
        (["5.00"], [2], "10", "0.00"),
    ],
)
def test_totals_are_exact(
    checkout: Checkout, make: Factory, prices: list[str], quantities: list[int], discount: str, total: str
) -> None:
    products = [make.product(price=float(price), stock=10_000) for price in prices]
    placed = checkout(*zip(products, quantities, strict=True), discount=float(discount)).json()
    assert sum(Decimal(p) * q for p, q in zip(prices, quantities, strict=True)) - Decimal(discount) == Decimal(total)
    assert placed["order"]["total"] == placed["bill"]["total"] == float(total)
    assert placed["bill"]["discount"] == float(discount)


def test_lines_of_one_product_are_summed_before_the_stock_check(checkout: Checkout, make: Factory) -> None:
    product = make.product(price=2, stock=5)
    before = checkout.snapshot()
    refused = checkout((product, 3), (product, 3))
    message = f"Insufficient stock for product {product['id_key']}. Requested: 6, Available: 5"
    error = {"product_id": product["id_key"], "requested": 6, "available": 5}
    assert (refused.status_code, refused.json()) == (400, {"detail": message, "errors": [error]})
    assert checkout.snapshot() == before
    placed = checkout((product, 3), (product, 2))
    assert [line["quantity"] for line in placed.json()["order_details"]] == [3, 2]
    assert (placed.json()["order"]["total"], checkout.snapshot()[3][0]["stock"]) == (10, 0)


def test_shortage_refuses_the_checkout_and_names_every_short_product(checkout: Checkout, make: Factory) -> None:
    enough, short, none = make.product(stock=10), make.product(stock=1), make.product(stock=0)
    before = checkout.snapshot()
    refused = checkout((none, 1), (enough, 2), (short, 4), (none, 2))
    assert refused.status_code == 400
    assert refused.json() == {
        "detail": f"Insufficient stock for product {none['id_key']}. Requested: 3, Available: 0",
        "errors": [
            {"product_id": none["id_key"], "requested": 3, "available": 0},
            {"product_id": short["id_key"], "requested": 4, "available": 1},
        ],
    }
    assert checkout.snapshot() == before


def test_price_mismatch_refuses_the_checkout(checkout: Checkout, make: Factory) -> None:
    product = make.product(price=999.99, stock=3)
    before = checkout.snapshot()
    line = {"product_id": product["id_key"], "quantity": 1}
    refused = checkout(items=[line, line | {"price": 899.99}])
    assert (refused.status_code, refused.json()) == (400, {"detail": "Price mismatch. Expected 999.99, got 899.99"})
    assert checkout.snapshot() == before
    assert checkout(items=[line | {"price": 999.99}, line | {"price": None}]).status_code == 201


def test_discount_above_the_sum_is_refused(checkout: Checkout, make: Factory) -> None:
    product = make.product(price=5, stock=2)
    before = checkout.snapshot()
    refused = checkout((product, 2), discount=10.01)
    assert (refused.status_code, list(refused.json())) == (400, ["detail"])
    assert checkout.snapshot() == before


def test_total_above_the_maximum_is_refused(checkout: Checkout, make: Factory) -> None:
    product = make.product(price=9999999999.99, stock=2)
    before = checkout.snapshot()
    refused = checkout((product, 2))
    assert (refused.status_code, list(refused.json())) == (400, ["detail"])
    assert checkout.snapshot() == before
    assert checkout((product, 1)).json()["order"]["total"] == 9999999999.99


def test_missing_client_is_reported_before_a_missing_product(checkout: Checkout, make: Factory) -> None:
    product = make.product()
    before = checkout.snapshot()
    nowhere = {"id_key": 999}
    for id_key in (998, 0, -1, 2**31, 2**63 - 1, 2**63, 10**39):
        missing = checkout((nowhere, 1), client_id=id_key)
        assert (missing.status_code, missing.json()) == (404, {"message": f"Client with id {id_key} not found"})
        missing = checkout((product, 1), ({"id_key": id_key}, 1))
        assert (missing.status_code, missing.json()) == (404, {"message": f"Product with id {id_key} not found"})
    assert checkout.snapshot() == before


def test_duplicate_bill_number_conflicts(checkout: Checkout, make: Factory) -> None:
    product = make.product(stock=3)
    assert checkout((product, 1), bill_number="B-1").json()["bill"]["bill_number"] == "B-1"
    before = checkout.snapshot()
    refused = checkout((product, 1), bill_number=" B-1 ")
    assert (refused.status_code, refused.json()) == (409, {"detail": "Bill number already exists"})
    assert checkout.snapshot() == before


def test_bill_numbers_are_consecutive(checkout: Checkout, make: Factory) -> None:
    """Skip numbers that a request has already chosen."""
    product = make.product(stock=9)
    first = checkout((product, 1)).json()["bill"]
    year, serial = first["date"][:4], int(first["bill_number"][-6:])
    assert first["bill_number"] == f"BILL-{year}-{serial:06}"
    make.bill(bill_number=f"BILL-{year}-{serial + 1:06}")
    assert checkout((product, 1)).json()["bill"]["bill_number"] == f"BILL-{year}-{serial + 2:06}"
    assert make.bill(date="1999-12-31")["bill_number"] == f"BILL-1999-{serial + 3:06}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": []},
        {"items": [{"product_id": 1, "quantity": 1}] * 101},
        {"items": {}},
        {"items": [{"product_id": 1, "quantity": 0}]},
        {"items": [{"product_id": 1, "quantity": 2**31}]},
        {"items": [{"product_id": 1}]},
        {"items": [{"product_id": 1, "quantity": 1, "price": 0}]},
        {"items": [{"product_id": 1, "quantity": 1, "price": 1.001}]},
        {"discount": -0.01},
        {"discount": 0.001},
        {"bill_number": ""},
        {"bill_number": "x" * 51},
        {"payment_type": "gold"},
        {"delivery_method": 0},
        {"client_id": None},
    ],
    ids=str,
)
def test_invalid_input_changes_nothing(checkout: Checkout, make: Factory, wrong: Object) -> None:
    product = make.product(stock=5)
    before = checkout.snapshot()
    refused = checkout((product, 1), **wrong)
    assert (refused.status_code, refused.json()["detail"][0]["loc"][:2]) == (422, ["body", next(iter(wrong))])
    assert checkout.snapshot() == before


def test_computed_fields_in_the_request_are_ignored(checkout: Checkout, make: Factory) -> None:
    product = make.product(price=5, stock=5)
    placed = checkout((product, 1), total=1, status=3, id_key=7, date="1999-01-01T00:00:00Z").json()
    assert (placed["order"]["total"], placed["order"]["status"]) == (5, 1)
    assert placed["order"]["date"] > "2026"


def test_checkout_takes_one_statement_for_any_number_of_lines(
    checkout: Checkout, make: Factory, statements: StatementCounter
) -> None:
    shelf = make.category()["id_key"]
    products = [make.product(stock=5, category_id=shelf) for _ in range(50)]

    def count_statements(lines: list[tuple[Object, int]], **headers: str) -> int:
        body = {"client_id": checkout.customer["id_key"], "items": items(*lines)} | BODY
        before = len(statements)
        assert checkout.client.post("/orders/checkout", json=body, headers=headers).status_code == 201
        return len(statements) - before

    assert count_statements([(products[0], 1)]) == 1
    assert count_statements([(product, 1) for product in products] * 2) == 1
    assert (
        count_statements([(product, 1) for product in products], **{"Idempotency-Key": "once"}) == 3
    ), "claim the key, place the order, store the response"


def test_cancel_and_delete_restore_the_stock_of_a_checkout(checkout: Checkout, make: Factory) -> None:
    first, second = make.product(stock=5), make.product(stock=5)
    untouched = checkout.snapshot()[3]
    for end in ("cancel", "delete"):
        where = checkout((first, 2), (second, 3), (first, 1)).headers["Location"]
        assert [product["stock"] for product in checkout.snapshot()[3]] == [2, 2]
        if end == "cancel":
            assert checkout.client.patch(where, json={"status": 4}).status_code == 200
        else:
            assert checkout.client.delete(where).status_code == 204
        assert checkout.snapshot()[3] == untouched
