"""Payments: what is due, each step of a payment, and the rules of orders with payments."""

from decimal import Decimal
from typing import Any

import pytest

from infrastructure.payments.provider import ProviderStatus
from repositories.order_repository import OrderRepository
from repositories.transaction import Transaction
from services.exceptions import ConflictError
from services.payments.refunds import PlannedRefund, refund_order, refundable_of
from services.payments.settlement import Settlement
from tests.factories import Factory
from tests.paid_shop import PaidShop
from tests.payment_provider import CHALLENGED, DECLINED, ProviderDouble


def test_manual_payment_captures_what_is_due(shop: PaidShop) -> None:
    first = shop.pay(amount=30)
    assert first | {"created_at": ""} == {
        "id_key": first["id_key"],
        "order_id": shop.order,
        "amount": 30,
        "refunded": 0,
        "status": "captured",
        "provider": "manual",
        "reference": None,
        "created_at": "",
    }
    assert shop.balance() == (100, 30, 0, 70)
    second = shop.client.post(f"/orders/{shop.order}/payments")  # a body is not required
    assert (second.status_code, second.json()["amount"]) == (201, 70)
    assert second.headers["location"] == f"/payments/{second.json()['id_key']}"
    assert shop.pay(409)["detail"] == f"Order {shop.order} has 0.00 due"
    assert shop.balance() == (100, 100, 0, 0)
    assert [one["amount"] for one in shop.client.get(f"/orders/{shop.order}/payments").json()] == [30, 70]
    assert shop.client.get("/payments?status=captured&count=true").headers["x-total-count"] == "2"
    assert shop.agrees()


def test_refunds_are_limited_and_do_not_reopen_the_balance(shop: PaidShop) -> None:
    payment = shop.pay()
    assert shop.change(payment, "refund", amount=30)["status"] == "partially_refunded"
    assert "at most 70.00" in shop.change(payment, "refund", 409, amount=70.01)["detail"]
    refunded = shop.change(payment, "refund")
    assert (refunded["status"], refunded["refunded"]) == ("refunded", 100)
    assert shop.balance() == (100, 100, 100, 0)
    for kind in ("refund", "capture", "cancel"):
        assert "is refunded" in shop.change(payment, kind, 409)["detail"]
    assert shop.cancel() == 200
    assert shop.agrees()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"amount": 0}, 422),
        ({"amount": -1}, 422),
        ({"amount": 1.001}, 422),
        ({"amount": "1"}, 422),
        ({"amount": 100.01}, 409),
        ({"provider": "paypal"}, 422),
        ({"provider": "stripe"}, 422),
        ({"token": "4242424242424242"}, 422),
        ({"token": "4242 4242 4242 4242"}, 422),
        ([], 422),
    ],
)
def test_bad_payments_are_refused_and_leave_nothing(shop: PaidShop, body: Any, status: int) -> None:
    response = shop.client.post(f"/orders/{shop.order}/payments", json=body)
    assert (response.status_code, "4242" in response.text) == (status, False)
    assert shop.client.get("/payments").json() == []
    assert shop.balance() == (100, 0, 0, 100)


def test_missing_objects_are_404(shop: PaidShop) -> None:
    for path in (f"/orders/{shop.order + 1}/payments", f"/orders/{2**70}/payments"):
        assert "Order with id" in shop.send(path, 404, {})["message"]
    for kind in ("capture", "cancel", "refund"):
        assert "Payment with id" in shop.send(f"/payments/{2**70}/{kind}", 404)["message"]
    assert shop.client.get(f"/orders/{shop.order + 1}/balance").status_code == 404
    assert shop.client.get(f"/orders/{shop.order + 1}/payments").status_code == 404


def test_authorization_is_captured_in_part(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    assert (payment["status"], payment["reference"]) == ("authorized", *provider.charges)
    assert shop.balance() == (100, 0, 0, 0)
    shop.change(payment, "refund", 409)
    shop.change(payment, "capture", 409, amount=100.01)
    captured = shop.change(payment, "capture", amount=60)
    assert (captured["status"], captured["amount"]) == ("captured", 60)
    assert shop.balance() == (100, 60, 0, 40), "the rest is released"
    shop.change(payment, "capture", 409)
    shop.change(payment, "cancel", 409)
    assert shop.agrees()


def test_declined_and_canceled_payments_release_their_amount(shop: PaidShop, provider: ProviderDouble) -> None:
    declined = shop.pay(provider="double", token=DECLINED)
    assert (declined["status"], shop.balance()) == ("failed", (100, 0, 0, 100))
    payment = shop.pay(provider="double", token="card", amount=40)
    assert shop.change(payment, "cancel")["status"] == "canceled"
    assert shop.balance() == (100, 0, 0, 100)
    shop.change(payment, "capture", 409)
    shop.pay()
    assert shop.agrees()


def test_client_secret_is_shown_once(shop: PaidShop, provider: ProviderDouble) -> None:
    key = "once"
    for token in (None, CHALLENGED):
        payment = shop.pay(provider="double", amount=10, key=key, token=token)
        assert payment["client_secret"] == f"{payment['reference']}_secret"
        repeat = shop.pay(provider="double", amount=10, key=key, token=token)
        assert repeat == {name: value for name, value in payment.items() if name != "client_secret"}
        assert "client_secret" not in shop.read(payment)
        shop.sweep()
        assert shop.read(payment)["status"] == "pending", "the customer has time"
        provider.complete(payment["reference"])
        shop.sweep()
        assert shop.read(payment)["status"] == "authorized"
        key = "twice"


def test_customer_has_a_day(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double")
    provider.complete(payment["reference"], ProviderStatus.DECLINED)
    shop.sweep()
    assert shop.read(payment)["status"] == "pending", "the customer may try another card"
    shop.execute("UPDATE payments SET created_at = created_at - interval '25 hours'")
    shop.sweep()
    assert (shop.read(payment)["status"], shop.balance()[-1]) == ("canceled", 100)


def test_orders_of_one_bill_share_its_total(shop: PaidShop, make: Factory) -> None:
    client, bill = make.customer()["id_key"], make.bill(total=100)["id_key"]
    first, second = (make.order(client_id=client, bill_id=bill, total=80)["id_key"] for _ in range(2))
    shop.pay(order=first)
    shop.pay(409, order=second, amount=20.01)
    assert shop.pay(order=second)["amount"] == 20
    assert shop.agrees()


def test_totals_do_not_change_while_there_are_payments(shop: PaidShop, make: Factory) -> None:
    shop.pay(amount=10)
    change = {
        f"/orders/{shop.order}": {"total": 90},
        f"/bills/{shop.bill}": {"discount": 1},
        f"/order_details/{shop.detail}": {"quantity": 1},
    }
    for path, body in change.items():
        before = shop.client.get(path).json()
        refused = shop.client.patch(path, json=body)
        assert refused.status_code == 409, refused.text
        assert shop.client.put(path, json=before).json() == before, "current values are no change"
    detail = {"order_id": shop.order, "product_id": shop.product, "quantity": 1}
    refused = shop.client.post("/order_details", json=detail)
    assert (refused.status_code, "has payments" in refused.text) == (409, True)
    plain = make.order(total=50)
    shop.pay(order=plain["id_key"])
    other = make.bill(total=50)["id_key"]
    for path, body in (
        (f"/orders/{plain['id_key']}", {"total": 60}),
        (f"/orders/{plain['id_key']}", {"bill_id": other}),
        (f"/bills/{plain['bill_id']}", {"total": 60}),
    ):
        assert shop.client.patch(path, json=body).status_code == 409
    assert shop.client.patch(f"/bills/{plain['bill_id']}", json={"discount": 5}).status_code == 200
    assert shop.agrees()


def test_orders_with_payments_stay(shop: PaidShop, provider: ProviderDouble) -> None:
    shop.pay(provider="double", token=DECLINED)
    refused = shop.client.delete(f"/orders/{shop.order}")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        f"Cannot delete order {shop.order}: it has payments",
    )
    assert shop.client.get(f"/products/{shop.product}").json()["stock"] == 8
    assert shop.client.delete(f"/orders/{shop.order}").status_code == 409


def test_cancellation_voids_open_payments(shop: PaidShop, provider: ProviderDouble) -> None:
    authorized = shop.pay(provider="double", token="card", amount=40)
    waiting = shop.pay(provider="double", amount=20)
    assert shop.cancel() == 200
    assert shop.balance() == (100, 0, 0, 0)
    assert "CANCELED" in shop.pay(409)["detail"]
    shop.sweep()
    assert [shop.read(one)["status"] for one in (authorized, waiting)] == ["canceled", "canceled"]
    assert [charge.status for charge in provider.charges.values()] == [ProviderStatus.CANCELED] * 2
    assert shop.agrees()


def test_captured_money_prevents_a_cancellation(shop: PaidShop) -> None:
    payment = shop.pay(amount=10)
    assert shop.cancel() == 409
    shop.change(payment, "refund", amount=5)
    assert shop.cancel() == 409
    shop.change(payment, "refund")
    assert shop.cancel() == 200
    assert shop.agrees()


def test_capture_that_arrives_after_the_cancellation_is_refunded(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    assert shop.cancel() == 200
    provider.complete(payment["reference"], ProviderStatus.CAPTURED)
    shop.sweep()
    assert (shop.read(payment)["status"], shop.balance()) == ("refunded", (100, 100, 100, 0))
    assert provider.charges[payment["reference"]].state().refunded == 100
    assert shop.agrees()


def test_delivered_orders_can_be_paid(shop: PaidShop) -> None:
    assert shop.client.patch(f"/orders/{shop.order}", json={"status": 3}).status_code == 200
    assert shop.pay()["status"] == "captured"


def test_refused_operation_is_a_conflict(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    provider.complete(payment["reference"], ProviderStatus.CANCELED)
    refused = shop.change(payment, "capture", 409)
    assert refused["detail"] == f"The provider refuses the capture of payment {payment['id_key']}"
    assert (shop.read(payment)["status"], shop.balance()[-1]) == ("canceled", 100)


def test_refund_of_an_order_takes_the_newest_payments_first(shop: PaidShop) -> None:
    first, second = (shop.pay(amount=amount)["id_key"] for amount in (30, 50))
    app_context, ended = shop.app.state.app_context, list[int]()
    with app_context.database.sessions.begin() as session:
        tx = Transaction(session)
        order = OrderRepository(tx).lock(shop.order)
        assert order
        planned = refund_order(tx, order, Decimal(60), return_id=7)
        assert planned == PlannedRefund(Decimal(60), (second, first))
        limited = refund_order(tx, order, Decimal(60))
        assert limited == PlannedRefund(Decimal(20), (first,)), "limited to what is refundable"
        assert refundable_of(tx, order) == 0
        with pytest.raises(ConflictError, match="Nothing is refundable"):
            refund_order(tx, order, Decimal(1))
    app_context.after_refund.append(lambda tx, return_id: ended.append(return_id))
    assert shop.client.portal
    shop.client.portal.call(Settlement(app_context).settle_all, (second, first))
    app_context.after_refund.pop()
    assert (shop.balance(), ended) == ((100, 80, 80, 20), [7, 7])
    assert shop.agrees()


def test_summary_includes_payments_on_request(shop: PaidShop) -> None:
    shop.change(shop.pay(amount=30), "refund", amount=10)
    path = f"/clients/{shop.client.get(f'/orders/{shop.order}').json()['client_id']}/summary"
    plain = shop.client.get(path).json()
    assert "captured" not in plain
    assert shop.client.get(f"{path}?include=payments").json() == plain | {"captured": 30, "refunded": 10}
    assert shop.client.get(f"{path}?include=everything").status_code == 422


def test_front_ends_without_payments_see_no_new_field(shop: PaidShop) -> None:
    shop.pay(amount=10)
    assert set(shop.client.get(f"/orders/{shop.order}").json()) == {
        *("id_key", "date", "total", "delivery_method", "status", "client_id", "bill_id")
    }
    assert "payments_total" not in shop.client.get(f"/bills/{shop.bill}").text
