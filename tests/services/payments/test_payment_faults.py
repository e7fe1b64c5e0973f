"""Payments whose provider fails, and whose worker is killed: one charge, and the right state afterwards."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from infrastructure.payments.provider import ProviderStatus
from repositories.system.health_repository import FIGURES, figures
from services.payments.payment_service import PaymentService
from services.payments.records import PaymentRecords
from services.payments.settlement import Settlement
from services.payments.sweep import BATCH, settle_all_due
from tests.factories import Object
from tests.paid_shop import PaidShop
from tests.payment_provider import DECLINED, KilledError, ProviderDouble, kill_at
from tests.servers import until

KEY = "payment"
SERVICE_POINTS = {"record": (PaymentRecords, "record"), "answer": (PaymentService, "_answer")}


def charged(provider: ProviderDouble) -> list[ProviderStatus]:
    """Return the states of all payments that hold or have taken money."""
    held = (ProviderStatus.AUTHORIZED, ProviderStatus.CAPTURED)
    return [charge.status for charge in provider.charges.values() if charge.status in held]


@pytest.mark.parametrize("settled_by", ["sweep", "repeat"])
@pytest.mark.parametrize(
    ("point", "status"),
    [
        ("authorize", "failed"),
        ("authorize:remembered", "canceled"),
        ("authorize:done", "authorized"),
        ("record", "authorized"),
        ("answer", "authorized"),
    ],
)
def test_killed_payment_charges_at_most_once(
    shop: PaidShop, provider: ProviderDouble, monkeypatch: pytest.MonkeyPatch, point: str, status: str, settled_by: str
) -> None:
    kill_at(point, provider, SERVICE_POINTS, monkeypatch)
    shop.pay(500, key=KEY, provider="double", token="card")
    [pending] = shop.client.get("/payments").json()
    assert pending["status"] == ("authorized" if point == "answer" else "pending")
    assert shop.balance() == (100, 0, 0, 0)
    if settled_by == "sweep":
        shop.sweep()
    shop.expire()
    payment = shop.pay(key=KEY, provider="double", token="card")
    assert (payment["status"], payment["id_key"]) == (status, pending["id_key"])
    assert shop.pay(key=KEY, provider="double", token="card") == payment
    assert charged(provider) == [ProviderStatus.AUTHORIZED] * (status == "authorized")
    assert shop.balance()[-1] == (0 if status == "authorized" else 100)
    assert shop.agrees()


@pytest.mark.parametrize("settled_by", ["sweep", "repeat"])
@pytest.mark.parametrize("point", ["", ":done", "record", "answer"])
@pytest.mark.parametrize(("kind", "status"), [("capture", "captured"), ("cancel", "canceled"), ("refund", "refunded")])
def test_killed_operation_takes_effect_once(
    shop: PaidShop,
    provider: ProviderDouble,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    status: str,
    point: str,
    settled_by: str,
) -> None:
    payment = shop.pay(provider="double", token="card")
    if kind == "refund":
        shop.change(payment, "capture")
    path, body = f"/payments/{payment['id_key']}/{kind}", {} if kind == "cancel" else {"amount": 100}
    kill_at(point if point in SERVICE_POINTS else kind + point, provider, SERVICE_POINTS, monkeypatch)
    shop.send(path, 500, body, **{"Idempotency-Key": KEY})
    if settled_by == "sweep":
        shop.sweep()
    shop.expire()
    answer = shop.send(path, 200, body, **{"Idempotency-Key": KEY})
    assert answer["status"] == status
    assert shop.send(path, 200, body, **{"Idempotency-Key": KEY}) == answer
    [charge] = provider.charges.values()
    assert len(charge.refunds) == (kind == "refund")
    assert charge.captured == (0 if kind == "cancel" else 100)
    assert shop.agrees()


@pytest.mark.parametrize(
    ("points", "status"),
    [
        (["authorize"], "failed"),
        (["authorize:remembered"], "canceled"),
        (["authorize:done"], "authorized"),
        (["authorize:done", "fetch", "fetch"], "authorized"),
    ],
)
def test_payment_without_an_answer_is_pending_and_settled_later(
    shop: PaidShop, provider: ProviderDouble, points: list[str], status: str
) -> None:
    provider.fail_at(*points)
    payment = shop.pay(provider="double", token="card", key=KEY)
    assert (payment["status"], shop.balance()[-1]) == ("pending", 0)
    assert shop.pay(provider="double", token="card", key=KEY) == payment, "the stored answer"
    for _ in points:
        shop.sweep()
    assert shop.read(payment)["status"] == status
    assert len(charged(provider)) == (status == "authorized")
    assert shop.agrees()


def test_declined_payment_without_an_answer_fails(shop: PaidShop, provider: ProviderDouble) -> None:
    provider.fail_at("authorize:done")
    payment = shop.pay(provider="double", token=DECLINED)
    shop.sweep()
    assert (shop.read(payment)["status"], shop.balance()[-1]) == ("failed", 100)


@pytest.mark.parametrize(("kind", "status"), [("capture", "captured"), ("cancel", "canceled"), ("refund", "refunded")])
@pytest.mark.parametrize("point", ["", ":done"])
def test_operation_without_an_answer_is_settled_later(
    shop: PaidShop, provider: ProviderDouble, kind: str, status: str, point: str
) -> None:
    payment = shop.pay(provider="double", token="card")
    if kind == "refund":
        payment = shop.change(payment, "capture")
    provider.fail_at(kind + point)
    assert shop.change(payment, kind)["status"] == payment["status"]
    shop.sweep()
    assert shop.read(payment)["status"] == status
    [charge] = provider.charges.values()
    assert charge.state().refunded == (100 if kind == "refund" else 0)
    assert shop.agrees()


def test_next_operation_settles_the_one_before(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    provider.fail_at("capture:done")
    shop.change(payment, "capture", amount=60)
    shop.expire()
    assert (
        shop.change(payment, "cancel", 409)["detail"]
        == f"Payment {payment['id_key']} is captured: it cannot be canceled"
    )
    assert shop.balance() == (100, 60, 0, 40)


def test_pending_refunds_are_not_refundable(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    shop.change(payment, "capture")
    provider.fail_at("refund", "fetch")
    shop.change(payment, "refund", amount=80)
    assert "at most 20.00" in shop.change(payment, "refund", 409, amount=21)["detail"]
    shop.sweep()
    shop.sweep()
    assert shop.read(payment)["refunded"] == 80


def test_order_is_not_canceled_while_its_refund_is_open(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    shop.change(payment, "capture")
    provider.fail_at("refund:done")
    shop.change(payment, "refund")
    assert shop.cancel() == 409
    shop.sweep()
    assert shop.cancel() == 200


def test_cancellation_of_an_order_waits_for_its_pending_capture(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    provider.fail_at("capture:done")
    shop.change(payment, "capture")
    assert shop.cancel() == 200
    shop.sweep()
    assert (shop.read(payment)["status"], shop.balance()) == ("refunded", (100, 100, 100, 0))
    assert shop.agrees()


def test_payment_of_a_canceled_order_is_voided_when_its_worker_died(shop: PaidShop, provider: ProviderDouble) -> None:
    provider.fail_at("authorize:done", error=KilledError)
    shop.pay(500, provider="double", token="card")
    assert shop.cancel() == 200
    shop.sweep()
    [payment] = shop.client.get("/payments").json()
    assert (payment["status"], charged(provider)) == ("canceled", [])
    assert shop.agrees()


def test_refund_that_fails_later_is_refundable_again(shop: PaidShop, provider: ProviderDouble) -> None:
    payment = shop.pay(provider="double", token="card")
    shop.change(payment, "capture")
    shop.change(payment, "refund")
    [charge] = provider.charges.values()
    charge.failed_refunds.update(charge.refunds)
    shop.execute("UPDATE payments SET settle_at = clock_timestamp()")
    shop.sweep()
    assert shop.read(payment) | {"status": "", "refunded": 0} == payment | {"status": ""}
    assert shop.change(payment, "refund")["status"] == "refunded"


def test_repeat_waits_for_the_first(committing_shop: PaidShop, provider: ProviderDouble) -> None:
    """The first request hangs at its provider until the repeat waits for it."""
    shop, has_begun, may_end = committing_shop, threading.Event(), threading.Event()

    async def hang() -> None:
        has_begun.set()
        await asyncio.to_thread(may_end.wait, 30)

    provider.fault = lambda point: hang() if point == "authorize" else None
    original = Settlement.settle

    async def settle(self: Settlement, id_key: int) -> str | None:
        may_end.set()
        return await original(self, id_key)

    with ThreadPoolExecutor(2) as threads, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settlement, "settle", settle)
        first = threads.submit(shop.pay, provider="double", token="card", key=KEY)
        assert has_begun.wait(30)
        second: Object = threads.submit(shop.pay, provider="double", token="card", key=KEY).result(60)
        assert first.result(60) == second
    assert provider.calls.count("authorize") == 1


def test_provider_that_is_not_configured_any_more_leaves_payments_open(
    shop: PaidShop, provider: ProviderDouble, caplog: pytest.LogCaptureFixture
) -> None:
    provider.fail_at("authorize:done")
    payment = shop.pay(provider="double", token="card")
    own, shop.app.state.app_context.providers = shop.app.state.app_context.providers, {}
    shop.sweep()
    assert "double is not configured any more" in caplog.text
    shop.app.state.app_context.providers = own
    shop.sweep()
    assert shop.read(payment)["status"] == "authorized"


def test_backlog_is_settled_at_once(committing_shop: PaidShop, provider: ProviderDouble) -> None:
    """Let more payments wait than a batch has, as after an outage of the provider."""
    shop = committing_shop
    for _ in range(2 * BATCH + 1):
        provider.fail_at("authorize:done")
        shop.pay(order=shop.make.order()["id_key"], provider="double", token="card")
    shop.expire()
    assert shop.client.portal
    shop.client.portal.call(settle_all_due, shop.app.state.app_context)
    assert {payment["status"] for payment in shop.client.get("/payments").json()} == {"authorized"}
    assert shop.agrees()


def test_payments_that_are_open_for_over_a_minute_are_counted(shop: PaidShop, provider: ProviderDouble) -> None:
    def counted() -> int:
        with shop.connection() as connection:
            row = connection.execute(text(figures().sql)).one()
        return int(row[FIGURES.index("payments_pending_over_minute")])

    provider.fail_at("authorize:done")
    shop.pay(provider="double", token="card", amount=40)
    authorized = shop.pay(provider="double", token="card", amount=40)
    provider.fail_at("capture")
    shop.change(authorized, "capture")
    shop.pay(provider="double", amount=20)  # its customer has time
    assert counted() == 0
    for table in ("payments", "payment_operations"):
        shop.execute(f"UPDATE {table} SET created_at = created_at - interval '61 s'")
    assert counted() == 2
    shop.sweep()
    assert counted() == 0


def test_no_connection_is_held_while_the_provider_is_asked(committing_shop: PaidShop, provider: ProviderDouble) -> None:
    """Wait at each point of the provider until all pools are free. Other work of the application ends meanwhile."""
    shop, database = committing_shop, committing_shop.app.state.app_context.database
    points = list[str]()

    def is_free() -> bool:
        return not any(used for used, _ in database.pool_usage().values())

    async def wait(point: str) -> None:
        await asyncio.to_thread(until, is_free)
        points.append(point)

    provider.fault = wait
    payment = shop.pay(provider="double", token="card")
    shop.change(payment, "capture")
    assert shop.change(payment, "refund")["status"] == "refunded"
    assert points == [
        *("authorize", "authorize:remembered", "authorize:done"),
        *("capture", "capture:done", "refund", "refund:done"),
    ]
