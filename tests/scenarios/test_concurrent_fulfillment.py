"""Concurrent shipments, events and cancellations with real commits: no unit ships twice, and no request fails."""

from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from infrastructure.postgres.database import Database
from tests.factories import Factory
from tests.scenarios.test_concurrency import assert_consistent, run_concurrently, statuses
from tests.services.test_shipments import CANCELED, DELIVERED, IN_PROGRESS, Order


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
