"""Concurrent shipments, cancellations and returns with real commits: nothing ships or returns twice, none fails."""

from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from infrastructure.postgres.database import Database
from tests.factories import Factory
from tests.scenarios.test_concurrency import assert_consistent, run_concurrently, statuses
from tests.services.fulfillment.test_returns import DeliveredOrder
from tests.services.fulfillment.test_shipments import CANCELED, DELIVERED, IN_PROGRESS, Order


@pytest.fixture
def order(committing_client: TestClient) -> Order:
    return Order(committing_client, Factory(committing_client))


def test_concurrent_shipments_ship_each_unit_once(order: Order, committing: Database) -> None:
    """Ship single units of both details sixteen times, three and two of which exist."""
    path = f"/orders/{order.id_key}/shipments"
    bodies = [{"lines": order.lines(*units)} for units in ((1, 0), (0, 1))] * 8
    answers = run_concurrently([partial(order.client.post, path, json=body) for body in bodies])
    assert statuses(answers) == {201: 5, 409: 11}
    assert_consistent(committing)
    shipments = [answer.json() for answer in answers if answer.status_code == 201]
    delivered = {"status": "delivered"}
    calls = [partial(order.client.post, f"/shipments/{one['id_key']}/events", json=delivered) for one in shipments * 3]
    assert statuses(run_concurrently(calls)) == {201: 5, 409: 10}
    assert order.status == DELIVERED
    assert_consistent(committing)


def test_a_repeated_shipment_ships_once(order: Order, committing: Database) -> None:
    path, key = f"/orders/{order.id_key}/shipments", {"Idempotency-Key": "k"}
    answers = run_concurrently([partial(order.client.post, path, json={}, headers=key)] * 16)
    assert statuses(answers) == {201: 16}
    assert len({answer.content for answer in answers}) == 1
    assert [len(one["lines"]) for one in order.tracking()] == [2]
    assert_consistent(committing)


def test_shipping_and_canceling_exclude_each_other(order: Order, committing: Database) -> None:
    client, make = order.client, order.make
    for _ in range(4):
        order = Order(client, make)
        path = f"/orders/{order.id_key}"
        ship: Any = partial(client.post, f"{path}/shipments", json={})
        cancel = partial(client.patch, path, json={"status": CANCELED})
        remove = partial(client.delete, path)
        reduce = partial(client.patch, f"/order_details/{order.first}", json={"quantity": 1})
        answers = run_concurrently([ship, cancel, reduce, remove] * 4)
        assert statuses(answers).keys() <= {200, 201, 204, 404, 409}
        shipped = [answer for answer in answers[::4] if answer.status_code == 201]
        canceled = [answer for answer in answers[1::4] if answer.status_code == 200]
        removed = [answer for answer in answers[3::4] if answer.status_code == 204]
        assert len(shipped) <= 1
        assert len(removed) <= 1
        assert not (shipped and (canceled or removed))
        if shipped:
            assert order.status == IN_PROGRESS
        assert_consistent(committing)


def test_concurrent_returns_return_and_credit_each_unit_once(order: Order, committing: Database) -> None:
    """Request single units, then run all steps of all returns at once, each of them several times."""
    client = order.client
    delivered = DeliveredOrder(client, order.make, discount=1)
    path = f"/orders/{delivered.id_key}/returns"
    bodies = [{"lines": delivered.lines(*units), "reason": "x"} for units in ((1, 0), (0, 1))] * 8
    answers = run_concurrently([partial(client.post, path, json=body) for body in bodies])
    assert statuses(answers) == {201: 5, 409: 11}
    returns = [answer.json() for answer in answers if answer.status_code == 201]
    assert sum(round(made["amount"] * 100) for made in returns) == 3000
    assert_consistent(committing)
    for step in ("approve", "receive", "refund"):
        calls = [partial(client.post, f"/returns/{made['id_key']}/{step}") for made in returns] * 4
        assert statuses(run_concurrently(calls)) == {200: 5, 409: 15}
        assert_consistent(committing)
    notes = client.get("/credit_notes").json()
    assert [int(note["number"][-6:]) for note in notes] == [1, 2, 3, 4, 5]
    assert sum(round(note["amount"] * 100) for note in notes) == 3000
    assert delivered.stock() == [10, 10]


def test_refunds_of_returns_and_of_payments_never_exceed_what_was_paid(order: Order, committing: Database) -> None:
    client = order.client
    delivered = DeliveredOrder(client, order.make)
    [payment] = client.get(f"/orders/{delivered.id_key}/payments").json()
    returns = [delivered.step(delivered.request(*units), "approve", "receive") for units in ((3,), (0, 2))]
    calls: list[Any] = [partial(client.post, f"/returns/{made['id_key']}/refund") for made in returns]
    calls += [partial(client.post, f"/payments/{payment['id_key']}/refund", json={"amount": 9})]
    assert statuses(run_concurrently(calls * 5)).keys() == {200, 409}
    balance = client.get(f"/orders/{delivered.id_key}/balance").json()
    assert balance["refunded"] == balance["captured"] == 31
    assert_consistent(committing)
