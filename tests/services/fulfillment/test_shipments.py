"""Shipments: no unit ships twice, events end with the delivery, and the order's status follows."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from repositories.checks.consistency_check import disagreements
from tests.credentials import execute, key_headers
from tests.event_log import events
from tests.factories import Factory, Object

PENDING, IN_PROGRESS, DELIVERED, CANCELED = 1, 2, 3, 4
SHIPMENT = ["id_key", "order_id", "carrier", "tracking_number", "status", "lines", "created_at"]
EVENT = ["id_key", "shipment_id", "status", "location", "occurred_at", "created_at"]


class Order:
    """Order of a checkout, with three units of one product and two of another."""

    def __init__(self, client: TestClient, make: Factory, **checkout: Any) -> None:
        self.client, self.make = client, make
        self.products = [make.product(stock=10, price=price)["id_key"] for price in (5, 8)]
        self.customer = checkout.pop("client_id", None) or make.customer()["id_key"]
        items = [
            {"product_id": product, "quantity": units} for product, units in zip(self.products, (3, 2), strict=True)
        ]
        body = {"client_id": self.customer, "delivery_method": 3, "payment_type": "card", "items": items}
        self.placed = make.post("/orders/checkout", body | checkout)
        self.id_key = self.placed["order"]["id_key"]
        self.first, self.second = (detail["id_key"] for detail in self.placed["order_details"])

    @property
    def status(self) -> int:
        return int(self.client.get(f"/orders/{self.id_key}").json()["status"])

    def lines(self, *units: int) -> list[Object]:
        pairs = zip((self.first, self.second), units, strict=False)
        return [{"order_detail_id": detail, "quantity": quantity} for detail, quantity in pairs if quantity]

    def ship(self, *units: int, expected: int = 201, **body: Any) -> Any:
        """Ship units of both details, or everything that is left."""
        body |= {"lines": self.lines(*units)} if units else {}
        answer = self.client.post(f"/orders/{self.id_key}/shipments", json=body)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def report(self, shipment: Object, status: str, expected: int = 201, **body: Any) -> Any:
        path = f"/shipments/{shipment['id_key']}/events"
        answer = self.client.post(path, json={"status": status} | body)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def change(self, expected: int = 200, **fields: Any) -> Any:
        answer = self.client.patch(f"/orders/{self.id_key}", json=fields)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def tracking(self) -> list[Object]:
        found: list[Object] = self.client.get(f"/orders/{self.id_key}/tracking").json()
        return found


@pytest.fixture
def order(client: TestClient, make: Factory) -> Order:
    return Order(client, make)


@pytest.fixture(autouse=True)
def consistent(client: TestClient, app: FastAPI) -> Any:
    """Run the consistency check after each test."""
    yield
    assert disagreements(app.state.app_context.database.connection) == []


def test_an_order_ships_in_parts_and_its_status_follows(order: Order) -> None:
    first = order.ship(2, carrier=" DHL ", tracking_number="JD1")
    assert list(first) == SHIPMENT
    assert first | {"id_key": 0, "created_at": ""} == {
        "id_key": 0,
        "order_id": order.id_key,
        "carrier": "DHL",
        "tracking_number": "JD1",
        "status": "created",
        "lines": order.lines(2),
        "created_at": "",
    }
    assert order.client.get(f"/shipments/{first['id_key']}").json() == first
    assert order.status == IN_PROGRESS
    second = order.ship()
    assert (second["lines"], second["carrier"], second["tracking_number"]) == (order.lines(1, 2), None, None)
    assert order.ship(expected=409)["detail"] == f"Order {order.id_key} has nothing left to ship"
    for status in ("picked_up", "in_transit", "out_for_delivery", "delivered"):
        event = order.report(first, status)
        assert (list(event), event["status"], event["shipment_id"]) == (EVENT, status, first["id_key"])
        assert order.client.get(f"/shipments/{first['id_key']}").json() == first | {"status": status}
    assert order.status == IN_PROGRESS
    order.report(second, "delivered")
    assert order.status == DELIVERED
    history = order.client.get(f"/orders/{order.id_key}/history").json()
    assert [change["to_status"] for change in history] == [PENDING, IN_PROGRESS, DELIVERED]


def test_lines_of_one_detail_are_added_up(order: Order) -> None:
    assert order.ship(lines=order.lines(1) + order.lines(0, 1) + order.lines(2))["lines"] == order.lines(3, 1)
    refused = order.ship(lines=order.lines(0, 1) * 2, expected=409)
    assert refused == {"detail": f"Order detail {order.second} has 1 units left to ship, not 2"}


@pytest.mark.parametrize("end", ["failed", "returned"])
def test_goods_that_came_back_ship_again(order: Order, end: str) -> None:
    lost = order.ship()
    order.ship(1, expected=409)
    order.report(lost, end)
    assert order.status == IN_PROGRESS
    again = order.ship()
    assert again["lines"] == lost["lines"]
    order.report(again, "delivered")
    assert order.status == DELIVERED


@pytest.mark.parametrize("end", ["delivered", "failed", "returned"])
def test_a_shipment_takes_no_events_after_its_end(order: Order, end: str) -> None:
    shipment = order.ship(1)
    order.report(shipment, end)
    for status in ("in_transit", "delivered", "failed"):
        refused = order.report(shipment, status, expected=409)
        assert refused == {"detail": f"Shipment {shipment['id_key']} is {end}: it takes no more events"}
    [tracked] = order.tracking()
    assert [event["status"] for event in tracked["events"]] == [end]


def test_tracking_shows_shipments_with_their_events_as_they_occurred(order: Order) -> None:
    assert order.tracking() == []
    first, second = order.ship(1), order.ship()
    reported = [
        order.report(first, "in_transit", location="Leipzig", occurred_at="2026-03-04T12:00:00Z"),
        order.report(first, "picked_up", occurred_at="2026-03-04T11:00:00+01:00"),
    ]
    assert reported[1]["occurred_at"] == "2026-03-04T10:00:00Z"
    assert order.tracking() == [
        first | {"status": "picked_up", "events": reported[::-1]},
        second | {"events": []},
    ]


def test_a_closed_order_does_not_ship(order: Order, client: TestClient, make: Factory) -> None:
    for status in (DELIVERED, CANCELED):
        closed = Order(client, make)
        closed.change(status=status)
        refused = closed.ship(expected=409)["detail"]
        assert (
            refused
            == f"Order {closed.id_key} is {('DELIVERED', 'CANCELED')[status - 3]}: its shipments can no longer change"
        )
    empty = make.order()["id_key"]
    answer = client.post(f"/orders/{empty}/shipments", json={})
    assert (answer.status_code, answer.json()) == (409, {"detail": f"Order {empty} has nothing left to ship"})


# Shipped units, the last event, and the expected status of: canceling, setting DELIVERED, deleting the order.
RULES = (
    ((), None, 200, 200, 204),
    ((1,), None, 409, 409, 409),
    ((1,), "out_for_delivery", 409, 409, 409),
    ((1,), "delivered", 409, 200, 409),
    ((1,), "failed", 200, 200, 409),
    ((1,), "returned", 200, 200, 409),
)


@pytest.mark.parametrize(("units", "event", "cancel", "deliver", "delete"), RULES)
def test_status_and_deletion_respect_shipments(
    client: TestClient, make: Factory, units: tuple[int, ...], event: str | None, cancel: int, deliver: int, delete: int
) -> None:
    for change in ("cancel", "deliver", "delete", "client"):
        order = Order(client, make)
        if units:
            shipment = order.ship(*units)
            if event:
                order.report(shipment, event)
        if change == "cancel":
            order.change(cancel, status=CANCELED)
        elif change == "deliver":
            order.change(deliver, status=DELIVERED)
        elif change == "delete":
            assert client.delete(f"/orders/{order.id_key}").status_code == delete
        else:
            assert client.delete(f"/clients/{order.customer}").status_code == 409
        stock = [client.get(f"/products/{product}").json()["stock"] for product in order.products]
        is_restored = (change, cancel) == ("cancel", 200) or (change, delete) == ("delete", 204)
        assert stock == ([10, 10] if is_restored else [7, 8])


def test_refusals_name_their_reason(order: Order) -> None:
    order.ship(1)
    path = f"/orders/{order.id_key}"
    assert order.change(409, status=CANCELED)["detail"] == f"Cannot cancel order {order.id_key}: shipped goods are out"
    assert "open shipment" in order.change(409, status=DELIVERED)["detail"]
    assert order.client.delete(path).json()["detail"] == f"Cannot delete order {order.id_key}: it has shipments"


def test_a_detail_keeps_what_has_shipped(order: Order, client: TestClient, make: Factory) -> None:
    shipment, path = order.ship(2), f"/order_details/{order.first}"
    other = make.order()["id_key"]
    for body in ({"quantity": 1}, {"product_id": order.products[1]}, {"order_id": other}):
        refused = client.patch(path, json=body)
        assert (refused.status_code, refused.json()) == (
            409,
            {"detail": f"2 units of order detail {order.first} have shipped"},
        )
    assert client.delete(path).status_code == 409
    assert client.patch(path, json={"quantity": 5}).status_code == 200
    assert client.patch(path, json={"quantity": 2}).status_code == 200
    assert client.delete(f"/order_details/{order.second}").status_code == 204
    order.ship(1, expected=409)
    order.report(shipment, "delivered")
    assert order.status == DELIVERED


@pytest.mark.parametrize("leave", ["delete", "move"])
def test_a_detail_that_came_back_may_leave(order: Order, client: TestClient, make: Factory, leave: str) -> None:
    order.report(order.ship(2, 1), "returned")
    path = f"/order_details/{order.first}"
    if leave == "delete":
        assert client.delete(path).status_code == 204
    else:
        assert client.patch(path, json={"order_id": make.order()["id_key"]}).status_code == 200
    [shipment] = order.tracking()
    assert shipment["lines"] == order.lines(0, 1)
    logged = events(client, type="shipment.updated")[-1]
    assert logged["data"] == {name: value for name, value in shipment.items() if name != "events"}
    assert order.ship()["lines"] == order.lines(0, 2)


def test_a_shipment_that_loses_a_line_is_among_the_changes(order: Order, client: TestClient) -> None:
    first, second = order.ship(1), order.ship(2, 1)
    for shipment in (first, second):
        order.report(shipment, "failed")
    as_before, last = client.get("/shipments?include=timestamps").json(), events(client)[-1]["id_key"]
    assert client.delete(f"/order_details/{order.first}").status_code == 204
    changed = client.get("/shipments?include=timestamps").json()
    assert [one["lines"] for one in changed] == [[], order.lines(0, 1)]
    assert all(one["updated_at"] > was["updated_at"] for one, was in zip(changed, as_before, strict=True))
    logged = [one["resource"] for one in events(client, last, type="shipment.updated")]
    assert sorted(logged) == [f"/shipments/{one['id_key']}" for one in (first, second)]


def test_a_detail_that_joins_a_shipped_order_ships_later(order: Order, make: Factory) -> None:
    shipment = order.ship()
    added = make.order_detail(order_id=order.id_key, product_id=order.products[0], quantity=1)["id_key"]
    order.report(shipment, "delivered")
    assert order.status == IN_PROGRESS
    assert order.ship()["lines"] == [{"order_detail_id": added, "quantity": 1}]


@pytest.mark.parametrize("missing", [999_999, 0, -1, 2**63, 10**39])
def test_missing_objects_are_404(client: TestClient, order: Order, make: Factory, missing: int) -> None:
    foreign = make.order_detail()["id_key"]
    for path, body, name in (
        (f"/orders/{missing}/shipments", {}, "Order"),
        (f"/orders/{order.id_key}/shipments", {"lines": [{"order_detail_id": missing, "quantity": 1}]}, "OrderDetail"),
        (f"/shipments/{missing}/events", {"status": "delivered"}, "Shipment"),
    ):
        for headers in ({}, {"Idempotency-Key": f"{name} {missing}"}):
            answer = client.post(path, json=body, headers=headers)
            assert (answer.status_code, answer.json()) == (404, {"message": f"{name} with id {missing} not found"})
    for path, name in (
        (f"/orders/{missing}/tracking", "Order"),
        (f"/orders/{missing}/shipping_address", "Order"),
        (f"/shipments/{missing}", "Shipment"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"message": f"{name} with id {missing} not found"})
    order.ship(expected=404, lines=[{"order_detail_id": foreign, "quantity": 1}])
    assert order.status == PENDING


INVALID_SHIPMENTS: tuple[Any, ...] = (
    [],
    {"lines": []},
    {"lines": {}},
    {"lines": [1]},
    {"lines": [{"order_detail_id": 1}]},
    {"lines": [{"order_detail_id": True, "quantity": 1}]},
    {"lines": [{"order_detail_id": 1, "quantity": 0}]},
    {"lines": [{"order_detail_id": 1, "quantity": -1}]},
    {"lines": [{"order_detail_id": 1, "quantity": 1.5}]},
    {"lines": [{"order_detail_id": 1, "quantity": 2**31}]},
    {"lines": [{"order_detail_id": 1, "quantity": 1}] * 1001},
    {"carrier": ""},
    {"carrier": "x" * 101},
    {"carrier": "a\x00"},
    {"tracking_number": "\u200b"},
    {"tracking_number": 5},
)
INVALID_EVENTS: tuple[Any, ...] = (
    [],
    {},
    {"status": None},
    {"status": "created"},
    {"status": "DELIVERED"},
    {"status": True},
    {"status": "delivered", "location": "x" * 201},
    {"status": "delivered", "location": "\x00"},
    {"status": "delivered", "occurred_at": "yesterday"},
    {"status": "delivered", "occurred_at": 1_700_000_000},
    {"status": "delivered", "occurred_at": "0001-01-01T00:00:00+14:00"},
)


def test_invalid_bodies_change_nothing(order: Order, client: TestClient) -> None:
    for body in INVALID_SHIPMENTS:
        answer = client.post(f"/orders/{order.id_key}/shipments", json=body)
        assert (answer.status_code, answer.json()["detail"][0]["loc"][0]) == (422, "body"), body
    assert (order.status, order.tracking()) == (PENDING, [])
    shipment = order.ship(1)
    for body in INVALID_EVENTS:
        answer = client.post(f"/shipments/{shipment['id_key']}/events", json=body)
        assert (answer.status_code, answer.json()["detail"][0]["loc"][0]) == (422, "body"), body
    for raw in (b"", b"[" * 10_000, b'{"status": NaN}', b'{"status": "\xff"}', rb'{"status": "\ud800"}'):
        assert client.post(f"/shipments/{shipment['id_key']}/events", content=raw).status_code == 422
    assert order.tracking() == [shipment | {"events": []}]


def test_repeats_with_a_key_ship_and_report_once(order: Order, client: TestClient) -> None:
    path = f"/orders/{order.id_key}/shipments"
    bodies: tuple[tuple[str, Object, int], ...] = (
        (path, {"lines": order.lines(1)}, 201),
        (path, {"lines": order.lines(9)}, 409),
        ("/shipments/{}/events", {"status": "delivered"}, 201),
        ("/shipments/{}/events", {"status": "failed"}, 409),
    )
    for number, (template, body, status) in enumerate(bodies):
        where = template.format(order.tracking()[0]["id_key"] if number else 0)
        answers = [client.post(where, json=body, headers={"Idempotency-Key": f"k{number}"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert answers[0].content == answers[1].content
        assert answers[1].headers["Idempotency-Replayed"] == "true"
        if status == 201:
            assert answers[0].headers["Location"] == answers[1].headers["Location"]
            assert client.get(answers[0].headers["Location"]).status_code == 200
    [shipment] = order.tracking()
    assert [event["status"] for event in shipment["events"]] == ["delivered"]


def test_shipments_are_listed_in_pages(order: Order, client: TestClient, make: Factory) -> None:
    made = [order.ship(1), order.ship(1), order.ship(1), Order(client, make).ship()]
    order.report(made[0], "delivered")
    made[0] |= {"status": "delivered"}
    assert client.get("/shipments").json() == made
    assert client.get("/shipments?status=delivered").json() == made[:1]
    assert client.get(f"/shipments?order_id={order.id_key}&sort=-id_key").json() == made[2::-1]
    page = client.get(f"/shipments?order_id={order.id_key}&limit=1&after_id={made[0]['id_key']}&count=true")
    assert (page.json(), page.headers["X-Total-Count"]) == ([made[1]], "3")
    assert f"after_id={made[1]['id_key']}" in page.headers["Link"]
    assert client.get("/shipments?status=lost").status_code == 422


# --- Addresses --------------------------------------------------------------------------------------------------------


def test_a_checkout_copies_the_address(client: TestClient, make: Factory) -> None:
    address = make.address(number="12 B")
    order = Order(client, make, client_id=address["client_id"], address_id=address["id_key"])
    path = f"/orders/{order.id_key}/shipping_address"
    assert client.get(path).json() == address
    client.patch(f"/addresses/{address['id_key']}", json={"street": "Elsewhere"})
    assert client.get(path).json() == address
    client.delete(f"/addresses/{address['id_key']}")
    assert client.get(path).json() == address
    assert list(order.placed) == ["order", "bill", "order_details"]
    assert client.delete(f"/orders/{order.id_key}").status_code == 204
    assert client.get(path).json() == {"message": f"Order with id {order.id_key} not found"}
    assert client.delete(f"/clients/{order.customer}").status_code == 204


def test_an_order_without_an_address_has_none(client: TestClient, make: Factory) -> None:
    for given in ({}, {"address_id": None}):
        order = Order(client, make, **given)
        answer = client.get(f"/orders/{order.id_key}/shipping_address")
        message = {"message": f"ShippingAddress with id {order.id_key} not found"}
        assert (answer.status_code, answer.json()) == (404, message)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_another_address_is_not_found(client: TestClient, make: Factory, app: FastAPI, headers: dict[str, str]) -> None:
    customer, foreign = make.customer()["id_key"], make.address()["id_key"]
    product = make.product(stock=10)
    items = [{"product_id": product["id_key"], "quantity": 1}]
    body = {"client_id": customer, "delivery_method": 3, "payment_type": "card", "items": items}
    for number, address in enumerate((foreign, 999_999, 0, -1, 2**63, 10**39)):
        sent = {name: f"{value}{number}" for name, value in headers.items()}
        answer = client.post("/orders/checkout", json=body | {"address_id": address}, headers=sent)
        message = {"message": f"Address with id {address} not found"}
        assert (answer.status_code, answer.json()) == (404, message)
    for address in (True, 1.0, "1", "x", [], {}):
        assert client.post("/orders/checkout", json=body | {"address_id": address}).status_code == 422
    missing = client.post("/orders/checkout", json=body | {"client_id": 999_999, "address_id": foreign})
    assert missing.json() == {"message": "Client with id 999999 not found"}
    assert client.get("/orders").json() == []
    assert client.get(f"/products/{product['id_key']}").json() == product
    assert execute(app, "SELECT count(*) FROM shipping_addresses") == [(0,)]


def test_the_address_of_a_deleted_client_goes_with_it(client: TestClient, make: Factory) -> None:
    """Move the order to another client first: the address stays that of the client who gave it."""
    address, other = make.address(), make.customer()["id_key"]
    order = Order(client, make, client_id=address["client_id"], address_id=address["id_key"])
    order.change(client_id=other)
    path = f"/orders/{order.id_key}/shipping_address"
    assert client.get(path).json() == address
    assert client.delete(f"/clients/{address['client_id']}").status_code == 204
    assert client.get(path).status_code == 404
    assert order.status == PENDING


# --- Access -----------------------------------------------------------------------------------------------------------


def test_clients_follow_their_own_orders_only(
    guarded: TestClient, guarded_app: FastAPI, client: TestClient, make: Factory
) -> None:
    address = make.address()
    key = key_headers(guarded_app, address["client_id"])
    items = [{"product_id": make.product()["id_key"], "quantity": 1}]
    body = {"delivery_method": 3, "payment_type": "card", "items": items, "address_id": address["id_key"]}
    foreign = guarded.post("/orders/checkout", json=body | {"client_id": make.customer()["id_key"]}, headers=key)
    assert foreign.status_code == 404
    others = make.address()["id_key"]
    refused = guarded.post(
        "/orders/checkout", json=body | {"client_id": address["client_id"], "address_id": others}, headers=key
    )
    assert (refused.status_code, refused.json()) == (404, {"message": f"Address with id {others} not found"})
    placed = guarded.post("/orders/checkout", json=body | {"client_id": address["client_id"]}, headers=key).json()
    order = placed["order"]["id_key"]
    shipment = make.post(f"/orders/{order}/shipments", {})
    assert guarded.get(f"/orders/{order}/shipping_address", headers=key).json() == address
    assert guarded.get(f"/orders/{order}/tracking", headers=key).json() == [shipment | {"events": []}]
    another = key_headers(guarded_app, make.customer()["id_key"])
    for path in ("shipping_address", "tracking"):
        hidden = guarded.get(f"/orders/{order}/{path}", headers=another)
        assert (hidden.status_code, hidden.json()) == (404, {"message": f"Order with id {order} not found"})
        assert guarded.get(f"/orders/{order}/{path}").status_code == 401
    for method, path in (
        ("GET", "/shipments"),
        ("GET", f"/shipments/{shipment['id_key']}"),
        ("POST", f"/orders/{order}/shipments"),
        ("POST", f"/shipments/{shipment['id_key']}/events"),
    ):
        assert guarded.request(method, path, json={"status": "delivered"}, headers=key).status_code == 403
        assert guarded.request(method, path, json={"status": "delivered"}).status_code == 401
    assert guarded.patch(f"/orders/{order}", json={"status": CANCELED}, headers=key).status_code == 409
