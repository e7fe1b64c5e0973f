"""Refunds of returns whose provider fails, or whose worker is killed: one refund, and one credit note."""

import pytest

from infrastructure.payments.provider import ProviderUnavailableError
from services.fulfillment.return_refund_service import ReturnRefundService
from services.payments.records import PaymentRecords
from tests.factories import Object
from tests.paid_shop import PaidShop
from tests.payment_provider import ProviderDouble, kill_at

KEY = "refund"
SERVICE_POINTS = {"record": (PaymentRecords, "record"), "answer": (ReturnRefundService, "_answer")}


@pytest.fixture
def received(shop: PaidShop, provider: ProviderDouble) -> Object:
    """Return a received return of both units of an order that is paid."""
    payment = shop.pay(provider="double", token="card")
    shop.change(payment, "capture")
    shop.client.patch(f"/orders/{shop.order}", json={"status": 3})
    lines = [{"order_detail_id": shop.detail, "quantity": 2}]
    made = shop.send(f"/orders/{shop.order}/returns", 201, {"lines": lines, "reason": "x"})
    for step in ("approve", "receive"):
        shop.send(f"/returns/{made['id_key']}/{step}", 200)
    return made | {"status": "received"}


def refund(shop: PaidShop, made: Object, status: int = 200, key: str | None = None) -> Object:
    headers = {"Idempotency-Key": key} if key else {}
    return shop.send(f"/returns/{made['id_key']}/refund", status, None, **headers)


def notes(shop: PaidShop) -> list[Object]:
    found: list[Object] = shop.client.get("/credit_notes").json()
    return found


@pytest.mark.parametrize("settled_by", ["sweep", "repeat"])
@pytest.mark.parametrize("point", ["refund", "refund:done", "record", "answer"])
def test_a_killed_refund_is_completed_once(
    shop: PaidShop,
    provider: ProviderDouble,
    received: Object,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    settled_by: str,
) -> None:
    kill_at(point, provider, SERVICE_POINTS, monkeypatch)
    refund(shop, received, 500, key=KEY)
    assert len(notes(shop)) == (point == "answer")
    if point != "answer":
        assert refund(shop, received, 409)["detail"] == f"Return {received['id_key']} is being refunded"
    if settled_by == "sweep":
        shop.sweep()
    shop.expire()
    assert refund(shop, received, key=KEY) == received | {"status": "refunded"}
    assert refund(shop, received, key=KEY) == received | {"status": "refunded"}
    [charge] = provider.charges.values()
    assert list(charge.refunds.values()) == [100]
    assert [note["amount"] for note in notes(shop)] == [100]
    assert shop.agrees()


def test_a_refund_without_an_answer_is_completed_by_the_sweep(
    shop: PaidShop, provider: ProviderDouble, received: Object
) -> None:
    provider.fail_at("refund:done", error=ProviderUnavailableError)
    assert refund(shop, received, key=KEY) == received
    assert notes(shop) == []
    shop.sweep()
    assert refund(shop, received, key=KEY) == received | {"status": "refunded"}
    assert [note["amount"] for note in notes(shop)] == [100]
    assert shop.agrees()


def test_a_refused_refund_can_be_tried_again(shop: PaidShop, provider: ProviderDouble, received: Object) -> None:
    [charge] = provider.charges.values()
    charge.captured = charge.captured - charge.captured
    refused = refund(shop, received, 409, key=KEY)
    assert refused == {"detail": f"The provider refuses the refund of return {received['id_key']}"}
    assert refund(shop, received, 409, key=KEY) == refused
    assert notes(shop) == []
    charge.captured = charge.amount
    assert refund(shop, received) == received | {"status": "refunded"}
    assert [note["number"][-6:] for note in notes(shop)] == ["000001"]
    assert shop.agrees()
