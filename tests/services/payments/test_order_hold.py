"""Unpaid orders are canceled once, and only those that nobody pays."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.payments.order_hold import OrderHold
from tests.factories import Factory
from tests.paid_shop import PaidShop
from tests.payment_provider import DECLINED, KilledError, ProviderDouble

Hold = Callable[..., Any]


@pytest.fixture
def hold(app: FastAPI, running_app: TestClient) -> Iterator[Hold]:
    """Turn the setting on, and return a function that runs a method of OrderHold on the application's event loop."""
    app_context = app.state.app_context
    own, app_context.settings = app_context.settings, app_context.settings.model_copy(update={"order_hold_minutes": 30})

    def call(method: str, *arguments: Any) -> Any:
        assert running_app.portal
        return running_app.portal.call(getattr(OrderHold(app_context), method), *arguments)

    yield call
    app_context.settings = own


def age(shop: PaidShop, minutes: int = 31) -> None:
    """Let all orders, and the time since which the setting is on, be older."""
    shop.execute(f"UPDATE orders SET created_at = clock_timestamp() - interval '{minutes} minutes'")
    shop.execute("UPDATE order_hold SET enabled_at = clock_timestamp() - interval '1 day'")


def test_unpaid_order_is_canceled_once(shop: PaidShop, hold: Hold) -> None:
    hold("enable")
    age(shop, 29)
    assert hold("cancel_all") == 0
    age(shop)
    assert (hold("cancel_all"), hold("cancel_all"), hold("cancel", shop.order)) == (1, 0, False)
    assert shop.client.get(f"/orders/{shop.order}").json()["status"] == 4
    assert shop.client.get(f"/products/{shop.product}").json()["stock"] == 10
    history = shop.client.get(f"/orders/{shop.order}/history").json()
    assert [change["to_status"] for change in history] == [1, 4]
    assert shop.agrees()


def test_kept_orders(shop: PaidShop, make: Factory, hold: Hold, provider: ProviderDouble) -> None:
    """Orders stay with open payments, without a total, with a cash bill, in another status, and from before."""
    hold("enable")
    kept = [make.order(total=0), make.order(bill_id=make.bill(payment_type="cash")["id_key"]), make.order(status=2)]
    for token, lost in (("card", ()), (None, ()), ("card", ("authorize:done",))):
        order = make.order()
        provider.fail_at(*lost)
        shop.pay(order=order["id_key"], amount=1, provider="double", token=token)
        kept.append(order)
    kept.append(make.order())
    payment = shop.pay(order=kept[-1]["id_key"])
    shop.change(payment, "refund", amount=1)
    expired = [make.order(), make.order()]
    shop.pay(order=expired[0]["id_key"], provider="double", token=DECLINED)
    shop.change(shop.pay(order=expired[1]["id_key"]), "refund")
    age(shop)
    assert hold("cancel_all") == 3, "the two above, and the one of the shop"
    statuses = [shop.client.get(f"/orders/{order['id_key']}").json()["status"] for order in kept + expired]
    assert statuses == [1, 1, 2, 1, 1, 1, 1, 4, 4]


def test_orders_from_before_the_setting_stay(shop: PaidShop, hold: Hold) -> None:
    shop.execute("UPDATE orders SET created_at = created_at - interval '1 day'")
    hold("enable")
    shop.execute("UPDATE order_hold SET enabled_at = clock_timestamp() - interval '2 hours'")
    assert hold("cancel_all") == 0
    hold("enable")
    assert hold("cancel_all") == 0, "a restart does not change the time"
    age(shop)
    assert hold("cancel_all") == 1


def test_time_is_forgotten_while_the_setting_is_off(shop: PaidShop, hold: Hold, app: FastAPI) -> None:
    hold("enable")
    app.state.app_context.settings = app.state.app_context.settings.model_copy(update={"order_hold_minutes": 0})
    hold("enable")
    age(shop)
    app.state.app_context.settings = app.state.app_context.settings.model_copy(update={"order_hold_minutes": 30})
    hold("enable")
    assert hold("cancel_all") == 0


def test_payment_or_cancellation_wins(committing_shop: PaidShop, hold: Hold, provider: ProviderDouble) -> None:
    """Many payments and cancellations of the same orders begin at once: each order is paid or canceled."""
    shop = committing_shop
    orders = [shop.make.order()["id_key"] for _ in range(8)]
    hold("enable")
    age(shop)
    with ThreadPoolExecutor(16) as threads:
        canceled = [threads.submit(hold, "cancel", order) for order in orders for _ in range(2)]
        paid = [threads.submit(shop.client.post, f"/orders/{order}/payments", json={}) for order in orders]
        canceled_count = sum(future.result(60) for future in canceled)
        statuses = [future.result(60).status_code for future in paid]
    assert set(statuses) <= {201, 409}
    assert canceled_count == statuses.count(409)
    for order, status in zip(orders, statuses, strict=True):
        found = shop.client.get(f"/orders/{order}").json()["status"]
        assert found == (1 if status == 201 else 4)
    assert shop.agrees()


def test_killed_payment_keeps_its_order(shop: PaidShop, hold: Hold, provider: ProviderDouble) -> None:
    hold("enable")
    provider.fail_at("authorize:done", error=KilledError)
    shop.pay(500, provider="double", token="card")
    age(shop)
    assert hold("cancel_all") == 0
    shop.sweep()
    assert hold("cancel_all") == 0
    [payment] = shop.client.get("/payments").json()
    shop.change(payment, "cancel")
    assert hold("cancel_all") == 1
