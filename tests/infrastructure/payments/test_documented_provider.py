"""The provider of docs/PAYMENTS.md, as it stands there, against a small server with the API that it expects."""

import json
import re
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.factories import Object
from tests.paid_shop import PaidShop
from tests.servers import ROOT

LINES = 60
AFTER = {"confirm": "authorized", "capture": "captured", "cancel": "canceled"}


class Acme:
    """Server that keeps its payments and its answers by idempotency key. `faults` are paths that answer 500 once."""

    def __init__(self) -> None:
        self.payments: dict[str, Object] = {}
        self.keys = set[str]()
        self.faults = list[str]()

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        _, id_key, step = [*request.url.path.strip("/").split("/"), "", ""][:3]
        key = f"{request.headers['Idempotency-Key']} {step}"
        if request.method == "POST":
            body = json.loads(request.content)
            if not id_key:
                id_key = f"acme_{request.headers['Idempotency-Key']}"
                new = {"id": id_key, "status": "open", "captured": "0", "refunded": "0", "refunds": []}
                self.payments.setdefault(id_key, new)
            elif key not in self.keys:
                self.keys.add(key)
                self.take(self.payments[id_key], step, body, request.headers["Idempotency-Key"])
        if step in self.faults:
            self.faults.remove(step)
            return httpx2.Response(500)
        return httpx2.Response(200, json=self.payments[id_key])

    @staticmethod
    def take(payment: Object, step: str, body: Object, key: str) -> None:
        """Let a step take effect, once for each key."""
        payment["status"] = AFTER.get(step, payment["status"])
        if step == "capture":
            payment["captured"] = body["amount"]
        elif step == "refunds":
            payment["refunded"] = str(Decimal(payment["refunded"]) + Decimal(body["amount"]))
            payment["refunds"].append({"key": key})


@pytest.fixture
def acme(app: FastAPI) -> Iterator[Acme]:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/PAYMENTS.md").read_text("utf-8"), re.DOTALL)
    code = textwrap.dedent(code)
    assert len(code.splitlines()) <= LINES
    names: dict[str, Any] = {}
    exec(compile(code, "docs/PAYMENTS.md", "exec"), names)
    server, provider = Acme(), names["AcmeProvider"]("https://acme.example", "key")
    provider._http = httpx2.AsyncClient(base_url="https://acme.example", transport=httpx2.MockTransport(server.answer))
    app_context = app.state.app_context
    own, app_context.providers = app_context.providers, {**app_context.providers, "acme": provider}
    yield server
    app_context.providers = own


def test_it_authorizes_captures_and_refunds(shop: PaidShop, acme: Acme) -> None:
    payment = shop.pay(provider="acme", token="card")
    assert (payment["status"], payment["reference"]) == ("authorized", *acme.payments)
    assert shop.change(payment, "capture", amount=60)["status"] == "captured"
    assert shop.change(payment, "refund", amount=20)["status"] == "partially_refunded"
    assert shop.change(payment, "refund")["status"] == "refunded"
    assert shop.balance() == (100, 60, 60, 40)
    assert shop.agrees()


@pytest.mark.parametrize(
    ("step", "kinds", "status"),
    [
        ("confirm", (), "authorized"),
        ("capture", ("capture",), "captured"),
        ("cancel", ("cancel",), "canceled"),
        ("refunds", ("capture", "refund"), "refunded"),
    ],
)
def test_answer_500_is_settled_once(shop: PaidShop, acme: Acme, step: str, kinds: tuple[str, ...], status: str) -> None:
    acme.faults.append(step)
    payment = shop.pay(provider="acme", token="card")
    for kind in kinds:
        shop.change(payment, kind)
    assert shop.read(payment)["status"] != status
    shop.sweep()
    assert shop.read(payment)["status"] == status
    [charge] = acme.payments.values()
    assert charge["refunded"] == ("100.00" if status == "refunded" else "0")
    assert shop.agrees()
