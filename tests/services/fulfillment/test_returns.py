"""Returns: nothing is returned or paid back twice, each step follows the one before, and amounts are exact."""

from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from repositories.checks.consistency_check import disagreements
from repositories.fulfillment.return_repository import DeliveredDetail
from services.fulfillment.return_amount import return_amount
from tests.credentials import key_headers
from tests.event_log import events
from tests.factories import Factory, Object
from tests.services.fulfillment.test_shipments import CANCELED, DELIVERED, Order

RETURN = ["id_key", "order_id", "status", "reason", "lines", "amount", "created_at"]
NOTE = ["id_key", "number", "bill_id", "return_id", "amount", "created_at"]
STEPS = ("approve", "receive", "reject", "refund")


class DeliveredOrder(Order):
    """Delivered order of three units at 5 and two at 8, and 31 less a discount to pay."""

    def __init__(self, client: TestClient, make: Factory, *, is_paid: bool = True, **checkout: Any) -> None:
        super().__init__(client, make, **checkout)
        if is_paid:
            make.post(f"/orders/{self.id_key}/payments", {})
        self.change(status=DELIVERED)

    def request(self, *units: int, expected: int = 201, **body: Any) -> Any:
        body = {"lines": self.lines(*units), "reason": "Too small"} | body
        answer = self.client.post(f"/orders/{self.id_key}/returns", json=body)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def step(self, made: Object, *steps: str, expected: int = 200, **body: Any) -> Any:
        for step in steps:
            answer = self.client.post(f"/returns/{made['id_key']}/{step}", json=body or None)
            assert answer.status_code == expected, answer.text
        return answer.json()

    def stock(self) -> list[int]:
        return [self.client.get(f"/products/{product}").json()["stock"] for product in self.products]


@pytest.fixture
def order(client: TestClient, make: Factory) -> DeliveredOrder:
    return DeliveredOrder(client, make, discount=1)


@pytest.fixture(autouse=True)
def consistent(client: TestClient, app: FastAPI) -> Any:
    """Run the consistency check after each test."""
    yield
    assert disagreements(app.state.app_context.database.connection) == []


def test_a_return_is_requested_approved_received_and_refunded(order: DeliveredOrder, client: TestClient) -> None:
    made = order.request(2, 0, reason=" Too small ")
    assert list(made) == RETURN
    assert made | {"id_key": 0, "created_at": ""} == {
        "id_key": 0,
        "order_id": order.id_key,
        "status": "requested",
        "reason": "Too small",
        "lines": order.lines(2),
        "amount": 9.68,
        "created_at": "",
    }
    assert client.get(f"/returns/{made['id_key']}").json() == made
    for step, status in (("approve", "approved"), ("receive", "received"), ("refund", "refunded")):
        assert order.step(made, step) == made | {"status": status}
    assert client.get(f"/orders/{order.id_key}/returns").json() == [made | {"status": "refunded"}]
    [note] = client.get("/credit_notes").json()
    assert (list(note), note["bill_id"], note["return_id"]) == (NOTE, order.placed["bill"]["id_key"], made["id_key"])
    assert (note["number"], note["amount"]) == (f"CN-{note['created_at'][:4]}-000001", 9.68)
    assert client.get(f"/credit_notes/{note['id_key']}").json() == note
    [payment] = client.get(f"/orders/{order.id_key}/payments").json()
    assert (payment["status"], payment["refunded"]) == ("partially_refunded", 9.68)
    movements = client.get(f"/products/{order.products[0]}/stock_movements").json()
    assert [(one["quantity"], one["reason"], one["order_detail_id"]) for one in movements][-1] == (
        *(2, "returned"),
        order.first,
    )


def test_units_that_are_not_restocked_are_gone(order: DeliveredOrder) -> None:
    kept, lost = order.request(1, 1), order.request(1, 1)
    order.step(kept, "approve", "receive")
    assert order.stock() == [8, 9]
    order.step(lost, "approve")
    order.step(lost, "receive", restock=False)
    assert order.stock() == [8, 9]


def test_the_last_units_take_the_remaining_cent(order: DeliveredOrder) -> None:
    """Three units at 5 and two at 8, less 1: shares of 0.161… and 0.258…."""
    returns = [order.request(*units) for units in ((1,), (1,), (1,), (0, 1), (0, 1))]
    assert [made["amount"] for made in returns] == [4.84, 4.84, 4.84, 7.74, 7.74]
    order.step(returns[0], "reject")
    assert order.request(1)["amount"] == 4.84
    order.request(1, expected=409)


def test_all_returns_add_up_to_the_total() -> None:
    for price, quantity, discount in (("10", 3, "1"), ("0.01", 100, "0.50"), ("0.01", 7, "0.07"), ("9.99", 9, "0.01")):
        amounts: list[Decimal] = []
        for left in range(quantity, 0, -1):
            details = [DeliveredDetail(1, quantity, Decimal(price), left)]
            amounts.append(return_amount({1: 1}, details, Decimal(discount), sum(amounts, Decimal(0))))
        assert sum(amounts) == Decimal(price) * quantity - Decimal(discount)
        assert min(amounts) >= 0
    whole = return_amount({1: 3}, [DeliveredDetail(1, 3, Decimal(10), 3)], Decimal(99), Decimal(0))
    assert whole == 0, "the discount of a plain order may be above its details"


def test_more_than_was_delivered_cannot_return(order: DeliveredOrder) -> None:
    order.request(2, 1)
    refused = order.request(2, expected=409)
    assert refused == {"detail": f"Order detail {order.first} has 1 units left to return, not 2"}
    order.request(expected=409, lines=order.lines(1) * 2)
    order.request(1, 1)
    order.request(1, expected=409)


def test_only_delivered_orders_return(client: TestClient, make: Factory) -> None:
    for status, name in ((None, "PENDING"), (2, "IN_PROGRESS"), (CANCELED, "CANCELED")):
        order = Order(client, make)
        if status:
            order.change(status=status)
        body = {"lines": order.lines(1), "reason": "x"}
        answer = client.post(f"/orders/{order.id_key}/returns", json=body)
        refusal = {"detail": f"Order {order.id_key} is {name}: only delivered ones return"}
        assert (answer.status_code, answer.json()) == (409, refusal)


# The steps so far, and those that are allowed next.
ALLOWED: tuple[tuple[tuple[str, ...], set[str]], ...] = (
    ((), {"approve", "reject"}),
    (("approve",), {"receive", "reject"}),
    (("approve", "receive"), {"refund"}),
    (("approve", "receive", "refund"), set()),
    (("reject",), set()),
    (("approve", "reject"), set()),
)


@pytest.mark.parametrize(("done", "allowed"), ALLOWED)
def test_a_wrong_step_is_refused(order: DeliveredOrder, done: tuple[str, ...], allowed: set[str]) -> None:
    made = order.request(1)
    if done:
        made = order.step(made, *done)
    for step in sorted(set(STEPS) - allowed):
        refused = order.step(made, step, expected=409)["detail"]
        assert refused.startswith(f"Return {made['id_key']} is {made['status']}: it cannot be ")
    assert order.client.get(f"/returns/{made['id_key']}").json() == made


def test_a_refund_is_limited_to_what_is_refundable(client: TestClient, make: Factory) -> None:
    order = DeliveredOrder(client, make, is_paid=False)
    path = f"/orders/{order.id_key}/payments"
    made = order.step(order.request(3, 2), "approve", "receive")
    refused = order.step(made, "refund", expected=409)
    assert refused == {"detail": f"Nothing is refundable for order {order.id_key}"}
    assert client.get("/credit_notes").json() == []
    payments = [make.post(path, {"amount": amount})["id_key"] for amount in (10, 5)]
    assert order.step(made, "refund") == made | {"status": "refunded"}
    [note] = client.get("/credit_notes").json()
    assert (note["amount"], made["amount"]) == (15, 31)
    assert [client.get(f"/payments/{payment}").json()["refunded"] for payment in payments] == [10, 5]


def test_refunds_go_to_the_newest_payment_first(client: TestClient, make: Factory) -> None:
    order = DeliveredOrder(client, make, is_paid=False)
    for amount in (20, 11):
        make.post(f"/orders/{order.id_key}/payments", {"amount": amount})
    order.step(order.request(0, 2), "approve", "receive", "refund")
    assert [one["refunded"] for one in client.get(f"/orders/{order.id_key}/payments").json()] == [5, 11]
    order.step(order.request(3), "approve", "receive", "refund")
    balance = client.get(f"/orders/{order.id_key}/balance").json()
    assert (balance["captured"], balance["refunded"], balance["due"]) == (31, 31, 0)
    notes = client.get("/credit_notes").json()
    assert [note["number"][-6:] for note in notes] == ["000001", "000002"]
    assert client.get(f"/credit_notes?bill_id={notes[0]['bill_id']}&limit=1").json() == notes[:1]
    assert client.get(f"/credit_notes?return_id={notes[1]['return_id']}").json() == notes[1:]


def test_repeats_with_a_key_act_once(order: DeliveredOrder, client: TestClient) -> None:
    path, made = f"/orders/{order.id_key}/returns", 0
    calls: tuple[tuple[str, Object | None, int], ...] = (
        (path, {"lines": order.lines(1), "reason": "x"}, 201),
        (path, {"lines": order.lines(9), "reason": "x"}, 409),
        ("approve", None, 200),
        ("receive", {}, 200),
        ("receive", {"restock": False}, 409),
        ("refund", {}, 200),
        ("refund", None, 409),
    )
    for number, (where, body, status) in enumerate(calls):
        target = where if where == path else f"/returns/{made}/{where}"
        answers = [client.post(target, json=body, headers={"Idempotency-Key": f"k{number}"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status] * 2, where
        assert answers[0].content == answers[1].content
        assert answers[1].headers["Idempotency-Replayed"] == "true"
        made = made or answers[0].json()["id_key"]
    assert client.get(f"{path}?count=true").headers["X-Total-Count"] == "1"
    assert len(client.get("/credit_notes").json()) == 1
    assert order.stock() == [8, 8]


def test_orders_with_returns_stay(order: DeliveredOrder, client: TestClient) -> None:
    order = DeliveredOrder(client, order.make, is_paid=False)
    order.step(order.request(1), "reject")
    answer = client.delete(f"/orders/{order.id_key}")
    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": f"Cannot delete order {order.id_key}: it has returns"},
    )
    assert client.delete(f"/clients/{order.customer}").status_code == 409


INVALID: tuple[Any, ...] = (
    [],
    {},
    {"lines": [], "reason": "x"},
    {"lines": [{"order_detail_id": 1, "quantity": 0}], "reason": "x"},
    {"lines": [{"order_detail_id": 1, "quantity": True}], "reason": "x"},
    {"lines": [{"order_detail_id": 1, "quantity": 2**31}], "reason": "x"},
    {"lines": [{"order_detail_id": 1, "quantity": 1}]},
    {"lines": [{"order_detail_id": 1, "quantity": 1}], "reason": " "},
    {"lines": [{"order_detail_id": 1, "quantity": 1}], "reason": "x" * 501},
    {"lines": [{"order_detail_id": 1, "quantity": 1}], "reason": "\x00"},
    {"lines": [{"order_detail_id": 1, "quantity": 1}], "reason": None},
)


def test_invalid_bodies_change_nothing(order: DeliveredOrder, client: TestClient) -> None:
    path = f"/orders/{order.id_key}/returns"
    for body in INVALID:
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["detail"][0]["loc"][0]) == (422, "body"), body
    assert client.get(path).json() == []
    made = order.step(order.request(1), "approve")
    receipts: tuple[Any, ...] = ({"restock": "yes"}, {"restock": 1}, [], "x")
    for receipt in receipts:
        answer = client.post(f"/returns/{made['id_key']}/receive", json=receipt)
        assert answer.status_code == 422, receipt
    for raw in (b"[" * 10_000, b'{"restock": NaN}', b"\xff", b"{"):
        assert client.post(f"/returns/{made['id_key']}/receive", content=raw).status_code == 422
    assert client.get(path).json() == [made]


@pytest.mark.parametrize("missing", [999_999, 0, -1, 2**63, 10**39])
def test_missing_objects_are_404(client: TestClient, order: DeliveredOrder, missing: int) -> None:
    line = {"order_detail_id": 1, "quantity": 1}
    calls: list[tuple[str, str, Any, str]] = [
        ("POST", f"/orders/{missing}/returns", {"lines": [line], "reason": "x"}, "Order"),
        ("GET", f"/orders/{missing}/returns", None, "Order"),
        ("GET", f"/returns/{missing}", None, "Return"),
        ("GET", f"/credit_notes/{missing}", None, "CreditNote"),
        *(("POST", f"/returns/{missing}/{step}", None, "Return") for step in STEPS),
    ]
    for method, path, body, name in calls:
        answer = client.request(method, path, json=body)
        assert (answer.status_code, answer.json()) == (404, {"message": f"{name} with id {missing} not found"})
    lines = [{"order_detail_id": missing, "quantity": 1}]
    assert order.request(expected=404, lines=lines) == {"message": f"OrderDetail with id {missing} not found"}


def test_clients_request_and_read_their_own_returns_only(
    guarded: TestClient, guarded_app: FastAPI, client: TestClient, make: Factory
) -> None:
    order = DeliveredOrder(client, make)
    key, another = key_headers(guarded_app, order.customer), key_headers(guarded_app, make.customer()["id_key"])
    path, body = f"/orders/{order.id_key}/returns", {"lines": order.lines(1), "reason": "Too small"}
    assert guarded.post(path, json=body).status_code == 401
    hidden = guarded.post(path, json=body, headers=another)
    assert (hidden.status_code, hidden.json()) == (404, {"message": f"Order with id {order.id_key} not found"})
    made = guarded.post(path, json=body, headers=key)
    assert made.status_code == 201
    one = made.headers["Location"]
    for where in ("/returns", path):
        assert guarded.get(where, headers=key).json() == [made.json()]
    assert guarded.get("/returns", headers=another).json() == []
    assert [guarded.get(where, headers=another).status_code for where in (one, path)] == [404, 404]
    for step in STEPS:
        assert guarded.post(f"{one}/{step}", headers=key).status_code == 403
    assert guarded.get("/credit_notes", headers=key).status_code == 403


def test_events_contain_the_bodies_of_all_steps(order: DeliveredOrder, client: TestClient) -> None:
    shipped = Order(client, Factory(client))
    [shipment] = [client.post(f"/orders/{shipped.id_key}/shipments", json={}).json()]
    client.post(f"/shipments/{shipment['id_key']}/events", json={"status": "in_transit"})
    made = order.request(2, 1)
    order.step(made, "approve", "receive", "refund")
    [note] = client.get("/credit_notes").json()
    [payment] = client.get(f"/orders/{order.id_key}/payments").json()
    log = events(client)
    for path, bodies in {
        f"/shipments/{shipment['id_key']}": [shipment, shipment | {"status": "in_transit"}],
        f"/returns/{made['id_key']}": [
            made | {"status": one} for one in ("requested", "approved", "received", "refunded")
        ],
        f"/credit_notes/{note['id_key']}": [note],
        f"/payments/{payment['id_key']}": [
            *({**payment, "refunded": 0, "status": one} for one in ("captured",)),
            payment,
        ],
    }.items():
        found = [event for event in log if event["resource"] == path]
        assert [event["data"] for event in found][-len(bodies) :] == bodies
        assert {event["type"].split(".")[0] for event in found} == {path.split("/")[1].removesuffix("s")}
