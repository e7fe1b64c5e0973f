"""The whole way of an order in any order: payments, shipments, returns and cancellations, with faults, and in threads.

The invariants are checked at every step, by a statement of their own beside the consistency check.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy import text

from infrastructure.postgres.database import Database
from tests.database import empty_tables
from tests.factories import Factory, Object
from tests.paid_shop import PaidShop
from tests.payment_provider import ProviderDouble
from tests.scenarios.test_payment_machine import AMOUNTS, ERRORS, FAULTS, KINDS, TOKENS, PaymentMachine, Till

STOCK = 10
EVENTS = ("in_transit", "delivered", "delivered", "failed", "returned")
STEPS = ("approve", "receive", "refund", "reject")
BROKEN = text("""
    WITH captured AS (
        SELECT order_id, sum(amount) AS amount, sum(refunded) AS refunded FROM payments
        WHERE status IN ('captured', 'partially_refunded', 'refunded') GROUP BY order_id
    ), shipped AS (
        SELECT order_detail_id, sum(quantity) AS quantity FROM shipment_lines JOIN shipments ON id_key = shipment_id
        WHERE status NOT IN ('failed', 'returned') GROUP BY order_detail_id
    ), returned AS (
        SELECT order_detail_id, sum(quantity) AS quantity, sum(quantity) FILTER (WHERE is_restocked) AS restocked
        FROM return_lines JOIN returns ON id_key = return_id WHERE status <> 'rejected' GROUP BY order_detail_id
    ), held AS (
        SELECT product_id, sum(CASE orders.status WHEN 4 THEN 0 ELSE details.quantity END) AS quantity,
            sum(coalesce(restocked, 0)) AS restocked
        FROM order_details AS details JOIN orders ON orders.id_key = order_id
        LEFT JOIN returned ON order_detail_id = details.id_key GROUP BY product_id
    )
    SELECT 'captured > total' FROM orders JOIN captured ON order_id = id_key WHERE amount > total
    UNION ALL SELECT 'captured > total of the bill' FROM bills JOIN (
        SELECT bill_id, sum(amount) AS amount FROM orders JOIN captured ON order_id = id_key GROUP BY bill_id
    ) AS billed ON bill_id = id_key WHERE amount > total
    UNION ALL SELECT 'refunded > captured' FROM captured WHERE refunded > amount
    UNION ALL SELECT 'credited > refunded' FROM (
        SELECT order_id, sum(notes.amount) AS credited
        FROM credit_notes AS notes JOIN returns ON returns.id_key = return_id GROUP BY order_id
    ) AS credits LEFT JOIN captured USING (order_id) WHERE credited > coalesce(refunded, 0)
    UNION ALL SELECT 'shipped > ordered' FROM shipped JOIN order_details AS details ON id_key = order_detail_id
    WHERE shipped.quantity > details.quantity
    UNION ALL SELECT 'returned > delivered'
    FROM returned JOIN order_details AS details ON details.id_key = order_detail_id
    JOIN orders ON orders.id_key = order_id
    WHERE returned.quantity > CASE orders.status WHEN 3 THEN details.quantity ELSE 0 END
    UNION ALL SELECT 'stock <> ledger' FROM products
    WHERE stock <> (SELECT sum(quantity) FROM stock_movements WHERE product_id = products.id_key)
    UNION ALL SELECT 'units are lost' FROM products JOIN held ON product_id = id_key
    WHERE stock <> :stock - held.quantity + held.restocked
""")


class Desk(Till):
    """Requests about the payments, shipments and returns of one order."""

    def do(self, method: str, path: str, body: Object | None = None) -> None:
        """Send a request. It succeeds, is refused, or is killed, here a 500."""
        response = self.shop.client.request(method, path, json=body)
        assert response.status_code in (200, 201, 400, 404, 409, 500), response.text

    def ship(self, units: int | None) -> None:
        lines = [{"order_detail_id": self.shop.detail, "quantity": units}]
        self.do("POST", f"/orders/{self.shop.order}/shipments", {"lines": lines} if units else {})

    def report(self, pick: int, status: str) -> None:
        if found := self.shop.client.get(f"/shipments?order_id={self.shop.order}").json():
            self.do("POST", f"/shipments/{found[pick % len(found)]['id_key']}/events", {"status": status})

    def request_return(self, units: int) -> None:
        lines = [{"order_detail_id": self.shop.detail, "quantity": units}]
        self.do("POST", f"/orders/{self.shop.order}/returns", {"lines": lines, "reason": "x"})

    def step(self, pick: int, step: str, *, restock: bool) -> None:
        if found := self.shop.client.get(f"/orders/{self.shop.order}/returns").json():
            path = f"/returns/{found[pick % len(found)]['id_key']}/{step}"
            self.do("POST", path, {"restock": restock} if step == "receive" else None)
            self.shop.expire()

    def change_units(self, units: int) -> None:
        self.do("PATCH", f"/order_details/{self.shop.detail}", {"quantity": units})

    def change_status(self, status: int) -> None:
        self.do("PATCH", f"/orders/{self.shop.order}", {"status": status})

    def broken(self) -> list[str]:
        """Return the invariants that do not hold, in one snapshot."""
        with self.shop.connection() as connection:
            return list(connection.scalars(BROKEN, {"stock": STOCK}))

    def check(self) -> None:
        assert self.broken() == []
        super().check()


class LifecycleMachine(PaymentMachine):
    till: Desk

    @rule(units=st.sampled_from((None, 1, 2, 3)))
    def ship(self, units: int | None) -> None:
        self.till.ship(units)

    @rule(pick=st.integers(0, 9), status=st.sampled_from(EVENTS))
    def report(self, pick: int, status: str) -> None:
        self.till.report(pick, status)

    @rule(status=st.sampled_from((2, 3, 3)))
    def change_status(self, status: int) -> None:
        self.till.change_status(status)

    @rule(units=st.integers(1, 4))
    def change_units(self, units: int) -> None:
        self.till.change_units(units)

    @rule(units=st.integers(1, 3))
    def request_return(self, units: int) -> None:
        self.till.request_return(units)

    @rule(pick=st.integers(0, 9), steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4), restock=st.booleans())
    def step(self, pick: int, steps: list[str], restock: bool) -> None:
        for step in steps:
            self.till.step(pick, step, restock=restock)


def test_an_order_keeps_its_invariants_in_any_order(
    committing_client: TestClient, committing: Database, app: FastAPI, provider: ProviderDouble
) -> None:
    def make_till() -> Desk:
        empty_tables(committing)
        provider.charges.clear()
        provider.fault = lambda _: None
        return Desk(PaidShop(committing_client, Factory(committing_client), app), provider)

    machine = type("Machine", (LifecycleMachine,), {"make_till": staticmethod(make_till)})
    run_state_machine_as_test(
        machine, settings=limits(max_examples=30, stateful_step_count=30, deadline=None, database=None)
    )


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2, 3))])
def test_an_order_keeps_its_invariants_in_16_threads(
    committing_shop: PaidShop, provider: ProviderDouble, seed: int
) -> None:
    till = Desk(committing_shop, provider)

    def actions(chosen: random.Random) -> list[Callable[[], Any]]:
        pick, amount = chosen.randrange(10), {"amount": chosen.choice(AMOUNTS)}
        payment = {**amount, "provider": chosen.choice(("manual", "double")), "token": chosen.choice(TOKENS)}
        kind, payments = chosen.choice(KINDS), till.payments() or [{"id_key": 2**62}]
        return [
            lambda: till.do("POST", f"/orders/{till.shop.order}/payments", payment),
            lambda: till.do("POST", f"/payments/{payments[pick % len(payments)]['id_key']}/{kind}", amount),
            lambda: till.ship(chosen.choice((None, 1, 2))),
            lambda: till.report(pick, chosen.choice(EVENTS)),
            lambda: till.change_status(chosen.choice((3, 3, 3, 4))),
            lambda: till.change_units(chosen.randint(1, 3)),
            lambda: till.request_return(1),
            lambda: till.step(pick, chosen.choice(STEPS), restock=chosen.choice((True, False))),
            till.shop.sweep,
        ]

    def act(number: int) -> None:
        chosen = random.Random(16 * seed + number)
        for _ in range(10):
            if chosen.random() < 0.3:
                provider.fail_at(chosen.choice(FAULTS), error=chosen.choice(ERRORS))
            chosen.choice(actions(chosen))()
            assert till.broken() == []

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(act, range(16)))
    till.check_end()
