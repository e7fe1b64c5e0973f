"""Random sequences of payments, shipments, cancellations and returns over HTTP, compared with a small model."""

from collections.abc import Sequence
from typing import Any, ClassVar

from fastapi.testclient import TestClient
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from tests.database import empty_tables
from tests.factories import Factory, Object
from tests.fulfillment_model import FulfillmentModel

quantities = st.integers(1, 3)
picks = st.integers(0, 9)
lines = st.lists(st.tuples(picks, quantities), min_size=1, max_size=2, unique_by=lambda line: line[0] % 3)
steps = st.sampled_from(("approve", "approve", "receive", "refund", "reject"))
events = st.sampled_from(("picked_up", "delivered", "delivered", "delivered", "failed", "returned"))
STOCK = 1000


class FulfillmentMachine(RuleBasedStateMachine):
    client: ClassVar[TestClient]
    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        empty_tables(self.database)
        self.model, make = FulfillmentModel(), Factory(self.client)
        self.buyer, self.product = make.customer()["id_key"], make.product(stock=STOCK, price=9.99)["id_key"]
        self.place([2, 1], discount=0)

    def send(self, method: str, path: str, expected: int, body: Object | None = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    @staticmethod
    def one_of(keys: Sequence[int], pick: int) -> int:
        return keys[pick % len(keys)]

    def order(self, pick: int) -> int:
        return self.one_of(list(self.model.statuses), pick)

    @rule(units=st.lists(quantities, min_size=1, max_size=3), discount=st.sampled_from((0, 0.01, 1)))
    def place(self, units: list[int], discount: float) -> None:
        items = [{"product_id": self.product, "quantity": quantity} for quantity in units]
        body = {"client_id": self.buyer, "delivery_method": 3, "payment_type": "card", "discount": discount}
        self.model.enter_order(self.send("POST", "/orders/checkout", 201, body | {"items": items}))

    @precondition(lambda self: self.model.statuses)
    @rule(
        pick=picks,
        units=st.none() | lines,
    )
    def ship(self, pick: int, units: list[tuple[int, int]] | None) -> None:
        order = self.order(pick)
        details = list(self.model.ordered[order])
        wanted = None if units is None else {self.one_of(details, place): quantity for place, quantity in units}
        expected, shipped = self.model.ship(order, wanted)
        body = {} if wanted is None else {"lines": as_lines(wanted)}
        made = self.send("POST", f"/orders/{order}/shipments", expected, body)
        if expected == 201:
            assert made["lines"] == as_lines(shipped)
            self.model.enter_shipment(made)

    @precondition(lambda self: self.model.shipments)
    @rule(pick=picks, status=events)
    def report(self, pick: int, status: str) -> None:
        shipment = self.one_of(list(self.model.shipments), pick)
        self.send("POST", f"/shipments/{shipment}/events", self.model.report(shipment, status), {"status": status})

    @precondition(lambda self: self.model.statuses)
    @rule(pick=picks, status=st.integers(2, 4))
    def change_status(self, pick: int, status: int) -> None:
        order = self.order(pick)
        self.send("PATCH", f"/orders/{order}", self.model.change_status(order, status), {"status": status})

    @precondition(lambda self: self.model.statuses)
    @rule(pick=picks, place=picks, quantity=quantities)
    def change_detail(self, pick: int, place: int, quantity: int) -> None:
        order = self.order(pick)
        detail = self.one_of(list(self.model.ordered[order]), place)
        expected = self.model.change_detail(order, detail, quantity)
        self.send("PATCH", f"/order_details/{detail}", expected, {"quantity": quantity})

    @precondition(lambda self: self.model.statuses)
    @rule(pick=picks, place=picks)
    def delete_detail(self, pick: int, place: int) -> None:
        order = self.order(pick)
        detail = self.one_of(list(self.model.ordered[order]), place)
        self.send("DELETE", f"/order_details/{detail}", self.model.delete_detail(order, detail))

    @precondition(lambda self: self.model.statuses)
    @rule(pick=picks)
    def delete_order(self, pick: int) -> None:
        order = self.order(pick)
        self.send("DELETE", f"/orders/{order}", self.model.delete_order(order))

    @precondition(lambda self: self.model.statuses)
    @rule(pick=picks, cents=st.sampled_from((1, 500, 999, 1998)))
    def pay(self, pick: int, cents: int) -> None:
        order = self.order(pick)
        self.send("POST", f"/orders/{order}/payments", self.model.pay(order, cents), {"amount": cents / 100})

    @precondition(lambda self: self.model.statuses)
    @rule(pick=picks, units=lines, is_whole=st.booleans())
    def request_return(self, pick: int, units: list[tuple[int, int]], is_whole: bool) -> None:
        order = self.order(pick)
        details = list(self.model.ordered[order])
        wanted = {self.one_of(details, place): quantity for place, quantity in units}
        wanted = dict(self.model.returnable(order)) if is_whole and self.model.returnable(order) else wanted
        expected, cents = self.model.request(order, wanted)
        body = {"lines": as_lines(wanted), "reason": "x"}
        made = self.send("POST", f"/orders/{order}/returns", expected, body)
        if expected == 201:
            assert round(made["amount"] * 100) == cents
            self.model.enter_return(made)

    @precondition(lambda self: self.model.returns)
    @rule(pick=picks, steps=st.lists(steps, min_size=1, max_size=3), restock=st.booleans())
    def step_return(self, pick: int, steps: list[str], restock: bool) -> None:
        made = self.one_of(list(self.model.returns), pick)
        for step in steps:
            body = {"restock": restock} if step == "receive" else None
            self.send("POST", f"/returns/{made}/{step}", self.model.step(made, step, restock=restock), body)

    @invariant()
    def tables_match_the_model(self) -> None:
        model = self.model
        with self.database.engine.connect() as connection:
            assert disagreements(connection) == []
            orders = connection.execute(text("SELECT id_key, status FROM orders")).tuples()
            assert dict(orders.all()) == model.statuses
            shipments = connection.execute(text("SELECT id_key, status FROM shipments")).tuples()
            assert dict(shipments.all()) == {key: shipment.status for key, shipment in model.shipments.items()}
            returns = connection.execute(text("SELECT id_key, status FROM returns")).tuples()
            assert dict(returns.all()) == {key: one.status for key, one in model.returns.items()}
            notes = connection.execute(text("SELECT return_id, amount * 100 FROM credit_notes")).tuples()
            assert dict(notes.all()) == model.credited
            lines = connection.execute(text("SELECT shipment_id, order_detail_id, quantity FROM shipment_lines"))
            assert set(lines.tuples()) == {
                (key, detail, units) for key, one in model.shipments.items() for detail, units in one.units.items()
            }
            assert connection.scalars(text("SELECT stock FROM products")).one() == STOCK - model.units_out_of_stock()


def as_lines(units: dict[int, int]) -> list[Object]:
    return [{"order_detail_id": detail, "quantity": units[detail]} for detail in sorted(units)]


def test_fulfillment_behaves_like_its_model(committing_client: TestClient, committing: Database) -> None:
    class SessionMachine(FulfillmentMachine):
        client, database = committing_client, committing

    run_state_machine_as_test(
        SessionMachine, settings=limits(max_examples=12, stateful_step_count=30, deadline=None, database=None)
    )
