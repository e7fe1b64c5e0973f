"""Money: a value close to a whole cent is that cent, any other fraction of a cent is refused."""

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter, ValidationError

from schemas.list_query import MoneyFilter
from schemas.types.money import Money, Price
from tests.factories import Factory, Object

MONEY, PRICE, FILTER = TypeAdapter(Money), TypeAdapter(Price), TypeAdapter(MoneyFilter)

# Number as it is sent, and the amount it counts as. JavaScript computes the first four from 0.1 + 0.2 and alike.
ALMOST_CENTS = {
    "0.30000000000000004": "0.30",
    "0.7999999999999999": "0.80",
    "89.97000000000001": "89.97",
    "3.3000000000000003": "3.30",
    "0.300001": "0.30",
    "0.299999": "0.30",
    "9999999999.990001": "9999999999.99",
    "150": "150",
    "1.5e2": "150",
    "0.5": "0.50",
}
FRACTIONS = ["0.301", "0.3001", "0.300002", "0.299998", "1.005", "0.0000011", "0.3000010000000000001", "1e-5"]
# 100 lines of up to 99 units: totals up to 80 million, for which the error of a sum is proved to be below the bound.
LARGEST_LINE = 8_000


def cart(numbers: random.Random) -> tuple[float, Decimal]:
    """Return the total of a cart as a browser adds it up, and the exact total."""
    inexact, exact = 0.0, Decimal(0)
    for _ in range(numbers.randint(1, 100)):
        cents, quantity = numbers.randint(1, LARGEST_LINE * 100), numbers.randint(1, 99)
        inexact += cents / 100 * quantity
        exact += Decimal(cents) / 100 * quantity
    return inexact, exact


def as_body(number: str) -> Any:
    """Return the number as the service reads it from a body."""
    return json.loads(number, parse_float=Decimal)


@pytest.mark.parametrize(("sent", "counted"), ALMOST_CENTS.items())
def test_value_close_to_a_cent_is_that_cent(sent: str, counted: str) -> None:
    for adapter, value in ((MONEY, as_body(sent)), (PRICE, as_body(sent)), (FILTER, sent)):
        assert adapter.validate_python(value) == Decimal(counted)


@pytest.mark.parametrize("sent", FRACTIONS)
def test_other_fraction_of_a_cent_is_refused(sent: str) -> None:
    for adapter, value in ((MONEY, as_body(sent)), (PRICE, as_body(sent)), (FILTER, sent)):
        with pytest.raises(ValidationError, match="2 decimal places"):
            adapter.validate_python(value)


@pytest.mark.parametrize("sent", ["-0.0", "1e-7", "-1e-7", "1e-3000000"])
def test_value_close_to_zero_is_zero(sent: str) -> None:
    assert str(MONEY.validate_python(as_body(sent))) == "0"
    with pytest.raises(ValidationError, match="greater than 0"):
        PRICE.validate_python(as_body(sent))


def test_total_of_any_cart_is_accepted() -> None:
    numbers = random.Random(2026)
    carts = [cart(numbers) for _ in range(10_000)]
    assert sum(as_body(json.dumps(inexact)) != exact for inexact, exact in carts) > 1_000
    for inexact, exact in carts:
        assert MONEY.validate_python(as_body(json.dumps(inexact))) == exact


def test_totals_of_carts_are_stored_exactly(client: TestClient, make: Factory) -> None:
    numbers = random.Random(7)
    customer = make.customer()["id_key"]
    for _ in range(10):
        total, exact = cart(numbers)
        bill = make.bill(total=total, discount=total)
        order = make.order(total=total, client_id=customer, bill_id=bill["id_key"])
        assert [bill["total"], bill["discount"], order["total"]] == [float(exact)] * 3
        changed = client.patch(f"/orders/{order['id_key']}", json={"total": total + 0.1})
        assert changed.json()["total"] == float(exact + Decimal("0.1"))


def test_prices_close_to_a_cent_are_that_cent_everywhere(client: TestClient, make: Factory) -> None:
    product = make.product(price=0.1 + 0.2)
    assert product["price"] == 0.3
    own = {"product_id": product["id_key"], "quantity": 1, "price": 0.1 + 0.2}
    assert make.order_detail(**own)["price"] == 0.3
    checkout: Object = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    placed = make.post("/orders/checkout", checkout | {"discount": 0.1 + 0.2, "items": [own | {"quantity": 3}]})
    assert (placed["bill"]["discount"], placed["bill"]["total"]) == (0.3, 0.6)
    for query in ("min_price=0.30000000000000004", "max_price=0.30000000000000004", "min_price=0.2999999"):
        assert [one["id_key"] for one in client.get(f"/products?{query}").json()] == [product["id_key"]], query
    assert client.get("/products?min_price=0.301").status_code == 422


@pytest.mark.parametrize("fraction", [0.301, 0.3001, 0.300002])
def test_fraction_of_a_cent_is_refused_in_every_body(client: TestClient, make: Factory, fraction: float) -> None:
    order = make.order()
    product = make.product(price=0.3)
    item = {"product_id": product["id_key"], "quantity": 1}
    bodies: list[tuple[str, str, Object, list[Any]]] = [
        ("POST", "/products", product | {"price": fraction}, ["price"]),
        ("PATCH", f"/products/{product['id_key']}", {"price": fraction}, ["price"]),
        ("POST", "/bills", {"total": fraction, "payment_type": "cash"}, ["total"]),
        ("POST", "/bills", {"total": 1, "discount": fraction, "payment_type": "cash"}, ["discount"]),
        ("POST", "/orders", order | {"total": fraction}, ["total"]),
        ("POST", "/order_details", item | {"order_id": order["id_key"], "price": fraction}, ["price"]),
        (
            "POST",
            "/orders/checkout",
            order | {"payment_type": "cash", "items": [item | {"price": fraction}]},
            ["items", 0, "price"],
        ),
        (
            "POST",
            "/orders/checkout",
            order | {"payment_type": "cash", "items": [item], "discount": fraction},
            ["discount"],
        ),
    ]
    for method, path, body, loc in bodies:
        answer = client.request(method, path, json=body)
        assert (answer.status_code, [error["loc"] for error in answer.json()["detail"]]) == (422, [["body", *loc]])
