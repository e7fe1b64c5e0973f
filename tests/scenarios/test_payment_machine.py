"""Payments, captures, refunds and cancellations in any order, with faults at any point, and then in 16 threads."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from infrastructure.payments.provider import PaymentHint, ProviderStatus, ProviderUnavailableError
from infrastructure.postgres.database import Database
from services.payments.settlement import Settlement
from tests.database import empty_tables
from tests.factories import Factory, Object
from tests.paid_shop import PaidShop
from tests.payment_provider import CHALLENGED, DECLINED, KilledError, ProviderDouble

KINDS = ("capture", "cancel", "refund")
POINTS = [f"{kind}{part}" for kind in ("authorize", *KINDS) for part in ("", ":done")]
FAULTS = ["", *POINTS, "authorize:remembered", "fetch"]
ERRORS = (ProviderUnavailableError, KilledError)
TOKENS = ("card", DECLINED, CHALLENGED, None)
AMOUNTS = (None, 0.01, 33.33, 50, 100, 100.01)
HELD = (ProviderStatus.AUTHORIZED, ProviderStatus.CAPTURED)


class Till:
    """Requests about the payments of one order, and the money that its provider holds."""

    def __init__(self, shop: PaidShop, provider: ProviderDouble) -> None:
        self.shop, self.provider, self.keys = shop, provider, 0

    def pay(self, provider: str, token: str | None, amount: float | None, repeats: int) -> None:
        body = {"provider": provider, "token": token, "amount": amount}
        self.send(f"/orders/{self.shop.order}/payments", body, repeats, (201, 409, 500))

    def change(self, pick: int, kind: str, amount: float | None, repeats: int) -> None:
        if ids := [payment["id_key"] for payment in self.payments()]:
            body = {} if kind == "cancel" else {"amount": amount}
            self.send(f"/payments/{ids[pick % len(ids)]}/{kind}", body, repeats, (200, 409, 500))

    def send(self, path: str, body: Object, repeats: int, expected: tuple[int, ...]) -> None:
        """Send the request and its repeats. A request that is killed gets no answer, here a 500."""
        self.keys += 1
        key = {"Idempotency-Key": f"{id(self)} {self.keys} {random.random()}"}
        before = len(self.payments())
        for _ in range(1 + repeats):
            response = self.shop.client.post(path, json=body, headers=key)
            assert response.status_code in expected, response.text
            self.shop.expire()
        if path.endswith("payments"):
            assert len(self.payments()) <= before + 1, "a key pays once"

    def payments(self) -> list[Object]:
        payments: list[Object] = self.shop.client.get(f"/orders/{self.shop.order}/payments").json()
        return payments

    def complete(self, pick: int, status: ProviderStatus) -> None:
        """Let a customer complete its payment, or capture an authorization at the provider itself."""
        needed = ProviderStatus.AUTHORIZED if status is ProviderStatus.CAPTURED else ProviderStatus.OPEN
        if found := [key for key, charge in self.provider.charges.items() if charge.status is needed]:
            self.provider.complete(found[pick % len(found)], status)

    def hear(self, pick: int) -> None:
        """Deliver a webhook, whether it is early, late or a repeat."""
        if not self.provider.charges:
            return
        reference = list(self.provider.charges)[pick % len(self.provider.charges)]
        settlement, portal = Settlement(self.shop.app.state.app_context), self.shop.client.portal
        assert portal
        if payment := portal.call(settlement.records.find, PaymentHint(None, reference)):
            portal.call(settlement.refresh, payment)

    def check(self) -> None:
        """Check what holds at every moment."""
        total, captured, refunded, due = self.shop.balance()
        assert captured <= total
        assert refunded <= captured
        assert due >= 0
        assert self.shop.agrees()
        held = [charge.captured or charge.amount for charge in self.provider.charges.values() if charge.status in HELD]
        assert sum(held) <= total
        for charge in self.provider.charges.values():
            assert charge.state().refunded <= charge.captured <= charge.amount

    def check_end(self) -> None:
        """Settle everything, and compare the payments with the provider."""
        self.provider.fault = lambda _: None
        for _ in range(3):
            self.shop.sweep()
        self.check()
        states = {reference: charge.state() for reference, charge in self.provider.charges.items()}
        with self.shop.connection() as connection:
            rows = connection.execute(text("SELECT reference, status, amount, refunded FROM payments"))
            found = {reference: values for reference, *values in rows if reference}
        for reference, state in states.items():
            status, amount, refunded = found[reference]
            if state.status is ProviderStatus.CAPTURED:
                assert (amount, refunded) == (state.captured, state.refunded)
                assert status in ("captured", "partially_refunded", "refunded")
            else:
                assert (status, refunded) == (EXPECTED[state.status] or status, Decimal(0))
        if self.shop.client.get(f"/orders/{self.shop.order}").json()["status"] == 4:
            assert all(payment["status"] in ("failed", "canceled", "refunded") for payment in self.payments())


EXPECTED: dict[ProviderStatus, Any] = {
    ProviderStatus.AUTHORIZED: "authorized",
    ProviderStatus.CANCELED: "canceled",
    ProviderStatus.DECLINED: None,  # `failed`, unless the customer may try again
    ProviderStatus.OPEN: "pending",
}


class PaymentMachine(RuleBasedStateMachine):
    make_till: Callable[[], Till]

    def __init__(self) -> None:
        super().__init__()
        self.till = type(self).make_till()
        self.is_canceled = False

    @rule(point=st.sampled_from(FAULTS), error=st.sampled_from(ERRORS))
    def break_provider(self, point: str, error: type[Exception]) -> None:
        self.till.provider.fail_at(point, error=error)

    @rule(
        provider=st.sampled_from(("manual", "double", "double")),
        token=st.sampled_from(TOKENS),
        amount=st.sampled_from(AMOUNTS),
        repeats=st.integers(0, 2),
    )
    def pay(self, provider: str, token: str | None, amount: float | None, repeats: int) -> None:
        self.till.pay(provider, token, amount, repeats)

    @rule(
        pick=st.integers(0, 9),
        kind=st.sampled_from(KINDS),
        amount=st.sampled_from(AMOUNTS),
        repeats=st.integers(0, 2),
    )
    def change(self, pick: int, kind: str, amount: float | None, repeats: int) -> None:
        self.till.change(pick, kind, amount, repeats)

    @precondition(lambda self: not self.is_canceled)
    @rule()
    def cancel_order(self) -> None:
        status = self.till.shop.cancel()
        assert status in (200, 409)
        self.is_canceled = status == 200

    @rule(discount=st.sampled_from((0, 1, 60)))
    def change_total(self, discount: int) -> None:
        changed = self.till.shop.client.patch(f"/bills/{self.till.shop.bill}", json={"discount": discount})
        assert changed.status_code in (200, 400, 409)  # 400: above the sum of fewer units

    @rule(pick=st.integers(0, 9), status=st.sampled_from((*HELD, ProviderStatus.DECLINED)))
    def complete(self, pick: int, status: ProviderStatus) -> None:
        self.till.complete(pick, status)

    @rule(pick=st.integers(0, 9))
    def hear(self, pick: int) -> None:
        self.till.provider.fault = lambda _: None
        self.till.hear(pick)

    @rule()
    def sweep(self) -> None:
        self.till.shop.sweep()

    @invariant()
    def holds(self) -> None:
        self.till.check()

    def teardown(self) -> None:
        self.till.check_end()


def test_payments_hold_in_any_order(
    committing_client: TestClient, committing: Database, app: FastAPI, provider: ProviderDouble
) -> None:
    def make_till() -> Till:
        empty_tables(committing)  # the checks of each step read all rows
        provider.charges.clear()
        provider.fault = lambda _: None
        return Till(PaidShop(committing_client, Factory(committing_client), app), provider)

    machine = type("Machine", (PaymentMachine,), {"make_till": staticmethod(make_till)})
    run_state_machine_as_test(
        machine, settings=limits(max_examples=15, stateful_step_count=15, deadline=None, database=None)
    )


def test_payments_hold_in_16_threads(committing_shop: PaidShop, provider: ProviderDouble) -> None:
    till = Till(committing_shop, provider)

    def act(number: int) -> None:
        chosen = random.Random(number)
        for _ in range(8):
            if chosen.random() < 0.3:
                provider.fail_at(chosen.choice(FAULTS), error=ProviderUnavailableError)
            action = chosen.randrange(4)
            if action == 0:
                till.shop.client.post(
                    f"/orders/{till.shop.order}/payments",
                    json={"provider": "double", "token": "card", "amount": chosen.choice((1, 10, 40))},
                    headers={"Idempotency-Key": f"pay {chosen.randrange(10)}"},
                )
            elif action == 1:
                till.shop.sweep()
            elif payments := till.payments():
                body = {"amount": chosen.choice((1, 5, 20))} if action == 2 else {}
                path = f"/payments/{chosen.choice(payments)['id_key']}/{chosen.choice(KINDS)}"
                till.shop.client.post(path, json=body)
            total, captured, refunded, due = till.shop.balance()
            assert refunded <= captured <= total
            assert due >= 0

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(act, range(16)))
    till.check_end()
    by_key = till.shop.client.get("/payments?limit=1000").json()
    assert len(by_key) <= 10, "a key pays once"
