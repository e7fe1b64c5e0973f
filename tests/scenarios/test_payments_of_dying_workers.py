"""Workers that are killed at each point between intent, record and answer of a payment: the sweep settles them all."""

import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.scenarios.test_killed_payments import BODY, Site, is_ready, post, running_site
from tests.servers import until

pytestmark = pytest.mark.long


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path, "tests/scenarios/dying_payments.py") as site:
        yield site


class Step(NamedTuple):
    """Request whose worker dies, and the status afterwards of the payment, or of the return, that it is about."""

    kind: str
    point: str
    status: str


STEPS = (
    Step("pay", "authorize", "failed"),
    Step("pay", "remember", "failed"),
    Step("pay", "confirm", "canceled"),
    Step("pay", "record", "authorized"),
    Step("pay", "answer", "authorized"),
    *(
        Step(kind, point, status)
        for kind, status in (("capture", "captured"), ("cancel", "canceled"), ("refund", "refunded"))
        for point in ("send", "record", "answer")
    ),
    *(Step("return", point, "refunded") for point in ("settle", "record", "answer return")),
)


class PaidOrders:
    """Orders of 100 with a payment each, in the state before a step."""

    def __init__(self, site: Site) -> None:
        self.app = site.app
        self.keys = itertools.count()
        self.made = partial(self.send, 201)
        self.customer = self.made("/clients", {"name": "A", "lastname": "B", "email": "a@b.co"})["id_key"]
        shelf = self.made("/categories", {"name": "Toys"})["id_key"]
        self.product = self.made("/products", {"name": "Kite", "price": 50, "stock": 99, "category_id": shelf})[
            "id_key"
        ]

    def send(self, status: int, path: str, body: Any = None) -> Any:
        response = post(self.app.url, path, body, f"setup {next(self.keys)}")
        assert response.status_code == status, response.text
        return response.json()

    def read(self, path: str) -> Any:
        """Read, and again if the worker dies meanwhile."""
        while True:
            with suppress(httpx2.TransportError):
                return httpx2.get(f"{self.app.url}{path}", timeout=30).raise_for_status().json()

    def prepare(self, kind: str) -> tuple[str, Any]:
        """Return path and body of a request of this kind."""
        items = [{"product_id": self.product, "quantity": 2}]
        body = {"client_id": self.customer, "delivery_method": 1, "payment_type": "card", "items": items}
        placed = self.made("/orders/checkout", body)
        order = placed["order"]["id_key"]
        if kind == "pay":
            return f"/orders/{order}/payments", BODY
        payment = self.made(f"/orders/{order}/payments", BODY)["id_key"]
        if kind in ("refund", "return"):
            self.send(200, f"/payments/{payment}/capture")
        if kind != "return":
            return f"/payments/{payment}/{kind}", None
        shipment = self.made(f"/orders/{order}/shipments")["id_key"]
        self.made(f"/shipments/{shipment}/events", {"status": "delivered"})
        lines = [{"order_detail_id": placed["order_details"][0]["id_key"], "quantity": 2}]
        made = self.made(f"/orders/{order}/returns", {"lines": lines, "reason": "x"})["id_key"]
        for step in ("approve", "receive"):
            self.send(200, f"/returns/{made}/{step}")
        return f"/returns/{made}/refund", None

    def status(self, step: Step, path: str) -> str:
        """Return the status of the payment or return of the request. An order has one payment."""
        if step.kind == "pay":
            [payment] = self.read(path)
            return str(payment["status"])
        return str(self.read(path.rpartition("/")[0])["status"])

    def die(self, point: str, path: str, body: Any, key: str) -> None:
        """Send a request whose worker dies at the point."""
        until(lambda: is_ready(self.app))
        file = self.app.log.parent / "die_at"
        file.write_text(point)
        with pytest.raises(httpx2.TransportError):
            post(self.app.url, path, body, key)
        assert not file.exists()


@pytest.mark.timeout(600)
def test_sweep_settles_what_killed_workers_leave(site: Site, tmp_path: Path) -> None:
    """Kill a worker at every point between intent, record and answer, and at last one that settles such a payment."""
    orders, die_at = PaidOrders(site), tmp_path / "die_at"
    sent = []
    for number, step in enumerate((*STEPS, Step("pay", "record", "authorized"))):
        path, body = orders.prepare(step.kind)
        orders.die(step.point, path, body, f"key {number}")
        sent.append((step, path, body, f"key {number}"))
    die_at.write_text("sweep record")

    def unsettled() -> list[Any]:
        found = [(step, orders.status(step, path)) for step, path, *_ in sent]
        return [(step, status) for step, status in found if status != step.status]

    with suppress(AssertionError):
        until(lambda: not (unsettled() or die_at.exists()), 60)
    assert (unsettled(), die_at.exists()) == ([], False)
    until(lambda: is_ready(site.app))
    for _, path, body, key in sent:
        first = post(site.app.url, path, body, key)
        assert first.status_code in (200, 201), first.text
        assert post(site.app.url, path, body, key).content == first.content
    assert unsettled() == []
    # Six authorized or canceled, three captured, six refunded. A payment that was never confirmed is no charge.
    charges = Counter(tuple(charge) for charge in site.stripe.charges())
    assert charges == {(10000, False, 0): 6, (10000, True, 0): 3, (10000, True, 10000): 6}
    assert [note["amount"] for note in orders.read("/credit_notes")] == [100] * 3
    audit = subprocess.run(
        [sys.executable, "-m", "scripts.audit"],
        cwd=tmp_path,
        env=os.environ | site.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert audit.returncode == 0, audit.stdout + audit.stderr
