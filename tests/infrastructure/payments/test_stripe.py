"""Payments through Stripe's library, against localstripe as a process."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from fastapi import FastAPI
from stripe import WebhookSignature

from config.settings import Settings
from infrastructure.payments.provider import ProviderRefusedError
from infrastructure.payments.providers import create_providers
from infrastructure.payments.stripe import amount_of, minor_units
from tests.factories import Object
from tests.localstripe import API_KEY, WEBHOOK_SECRET, LocalStripe, localstripe
from tests.paid_shop import PaidShop

KEY = "payment"
CHALLENGED = "4000002500003155"
PATH = "/payments/webhooks/stripe"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStripe]:
    with localstripe() as server:
        yield server


@pytest.fixture
def stripe(server: LocalStripe, app: FastAPI, settings: Settings) -> Iterator[LocalStripe]:
    """Configure Stripe for the application, and return its empty server."""
    server.reset()
    app_context = app.state.app_context
    changed = {"stripe_api_key": API_KEY, "stripe_webhook_secret": WEBHOOK_SECRET, "stripe_api_base": server.url}
    own = app_context.providers
    app_context.providers = create_providers(Settings(**settings.model_dump() | changed))
    yield server
    app_context.providers["stripe"].close()
    app_context.providers = own


def deliver(shop: PaidShop, event: Object, *, secret: str = WEBHOOK_SECRET, timestamp: int | None = None) -> int:
    payload = json.dumps(event)
    signature = WebhookSignature.generate_signature_header(payload, secret, timestamp)
    response = shop.client.post(PATH, content=payload, headers={"Stripe-Signature": signature})
    return response.status_code


def event(payment: Object) -> Object:
    """Return an event about the payment, with a state that is wrong: only the hint counts."""
    intent = {"object": "payment_intent", "id": payment["reference"], "status": "canceled", "metadata": {}}
    return {"id": "evt_1", "object": "event", "type": "payment_intent.canceled", "data": {"object": intent}}


def test_card_is_authorized_captured_in_part_and_refunded(shop: PaidShop, stripe: LocalStripe) -> None:
    payment = shop.pay(provider="stripe", token="pm_card_visa")
    assert (payment["status"], payment["reference"][:3]) == ("authorized", "pi_")
    assert "client_secret" not in payment
    assert stripe.charges() == [[10000, False, 0]]
    captured = shop.change(payment, "capture", amount=60)
    assert (captured["status"], captured["amount"]) == ("captured", 60)
    assert shop.change(payment, "refund", amount=20.5)["status"] == "partially_refunded"
    refunded = shop.change(payment, "refund")
    assert (refunded["status"], refunded["refunded"]) == ("refunded", 60)
    assert shop.balance() == (100, 60, 60, 40)
    assert shop.agrees()


def test_authorization_is_canceled(shop: PaidShop, stripe: LocalStripe) -> None:
    payment = shop.pay(provider="stripe", token="pm_card_visa")
    assert shop.change(payment, "cancel")["status"] == "canceled"
    assert shop.balance() == (100, 0, 0, 100)


@pytest.mark.parametrize("token", ["pm_card_chargeCustomerFail", "pm_of_nobody"])
def test_declined_card_fails(shop: PaidShop, stripe: LocalStripe, token: str) -> None:
    payment = shop.pay(provider="stripe", token=token)
    assert (payment["status"], shop.balance()[-1], stripe.charges()) == ("failed", 100, [])


def test_customer_completes_a_payment(shop: PaidShop, stripe: LocalStripe) -> None:
    payment = shop.pay(provider="stripe", token=stripe.card(CHALLENGED))
    assert payment["status"] == "pending"
    assert deliver(shop, event(payment)) == 204
    assert shop.read(payment)["status"] == "pending"
    data = {"client_secret": payment["client_secret"], "success": "true"}
    stripe.post(f"/v1/payment_intents/{payment['reference']}/_authenticate", data)
    for _ in range(3):
        assert deliver(shop, event(payment)) == 204
        assert shop.read(payment)["status"] == "authorized"
    assert stripe.charges() == [[10000, False, 0]]


def test_payment_without_a_token_waits_for_the_customer(shop: PaidShop, stripe: LocalStripe) -> None:
    payment = shop.pay(provider="stripe", key=KEY)
    assert payment["client_secret"].startswith(payment["reference"])
    assert "client_secret" not in shop.pay(provider="stripe", key=KEY)
    assert shop.cancel() == 200
    shop.sweep()
    assert shop.read(payment)["status"] == "canceled"


@pytest.mark.parametrize("status", [500, None])
@pytest.mark.parametrize(
    ("path", "when", "result", "charges"),
    [
        ("/payment_intents", "before", "failed", 0),
        ("/payment_intents", "after", "failed", 0),
        ("/confirm", "before", "canceled", 0),
        ("/confirm", "after", "authorized", 1),
    ],
)
def test_stripe_that_fails_around_a_charge(
    shop: PaidShop, stripe: LocalStripe, path: str, when: str, status: int | None, result: str, charges: int
) -> None:
    stripe.fail(path, when, status)
    payment = shop.pay(provider="stripe", token="pm_card_visa", key=KEY)
    assert payment["status"] == "pending"
    shop.sweep()
    assert shop.read(payment)["status"] == result
    assert shop.pay(provider="stripe", token="pm_card_visa", key=KEY) == payment
    assert len(stripe.charges()) == charges
    assert shop.agrees()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "path", "result", "refunded"),
    [
        ("capture", "/capture", "captured", 0),
        ("cancel", "/cancel", "canceled", 0),
        ("refund", "/refunds", "refunded", 100),
    ],
)
def test_stripe_that_fails_around_an_operation(
    shop: PaidShop, stripe: LocalStripe, kind: str, path: str, result: str, refunded: int, when: str
) -> None:
    payment = shop.pay(provider="stripe", token="pm_card_visa")
    if kind == "refund":
        payment = shop.change(payment, "capture")
    stripe.fail(path, when, 500)
    assert shop.change(payment, kind)["status"] == payment["status"]
    shop.sweep()
    assert shop.read(payment)["status"] == result
    assert stripe.charges()[0][2] == refunded * 100
    assert shop.agrees()


def test_webhook_may_come_before_the_answer(shop: PaidShop, stripe: LocalStripe) -> None:
    stripe.fail("/confirm", "after", 500)
    payment = shop.pay(provider="stripe", token="pm_card_visa")
    assert payment["status"] == "pending"
    assert deliver(shop, event(payment)) == 204
    assert shop.read(payment)["status"] == "authorized"
    shop.sweep()
    assert (shop.read(payment)["status"], len(stripe.charges())) == ("authorized", 1)


def test_changes_at_stripe_itself_arrive_by_webhook(shop: PaidShop, stripe: LocalStripe) -> None:
    payment = shop.pay(provider="stripe", token="pm_card_visa")
    stripe.post(f"/v1/payment_intents/{payment['reference']}/capture", {})
    stripe.post("/v1/refunds", {"payment_intent": payment["reference"], "amount": 2500})
    charge = {"object": "charge", "id": "ch_1", "payment_intent": payment["reference"]}
    assert deliver(shop, {"id": "evt_2", "object": "event", "data": {"object": charge}}) == 204
    read = shop.read(payment)
    assert (read["status"], read["refunded"]) == ("partially_refunded", 25)
    assert shop.agrees()


def test_webhooks_need_a_valid_signature(shop: PaidShop, stripe: LocalStripe) -> None:
    payment = shop.pay(provider="stripe", token="pm_card_visa")
    about = event(payment)
    assert deliver(shop, about, secret="whsec_of_a_thief") == 400
    assert deliver(shop, about, timestamp=1_700_000_000) == 400
    for payload in (b"", b"{", b"\xff", b"[]"):
        for headers in ({}, {"Stripe-Signature": "t=1,v1=0"}, {"Stripe-Signature": "x"}):
            assert shop.client.post(PATH, content=payload, headers=headers).status_code == 400
    for content in ("{}", "[]", '{"data": {"object": []}}', '{"data": {"object": {"object": "payment_intent"}}}'):
        signature = WebhookSignature.generate_signature_header(content, WEBHOOK_SECRET)
        response = shop.client.post(PATH, content=content, headers={"Stripe-Signature": signature})
        assert response.status_code in (204, 400), content
    other = {"object": "payment_intent", "id": "pi_of_another_shop"}
    assert deliver(shop, {"id": "evt_3", "object": "event", "data": {"object": other}}) == 204
    stripe.fail(payment["reference"], "before", 500)
    assert deliver(shop, about) == 503, "Stripe delivers it again"
    assert shop.read(payment)["status"] == "authorized"


def test_webhooks_without_stripe_are_refused(shop: PaidShop) -> None:
    assert deliver(shop, {"id": "evt_1", "object": "event"}) == 400


@pytest.mark.parametrize(
    ("amount", "currency", "minor"), [("10.50", "EUR", 1050), ("10.00", "JPY", 10), ("10.50", "KWD", 10500)]
)
def test_amounts_are_sent_in_minor_units(amount: str, currency: str, minor: int) -> None:
    assert minor_units(Decimal(amount), currency) == minor
    assert amount_of(minor, currency) == Decimal(amount)


def test_amount_with_cents_of_a_currency_without_them_is_refused() -> None:
    with pytest.raises(ProviderRefusedError, match="JPY has no cents"):
        minor_units(Decimal("10.50"), "JPY")


def test_no_card_number_reaches_stripe_or_the_log(
    shop: PaidShop, stripe: LocalStripe, caplog: pytest.LogCaptureFixture
) -> None:
    response = shop.client.post(
        f"/orders/{shop.order}/payments", json={"provider": "stripe", "token": "4242424242424242"}
    )
    assert (response.status_code, "4242" in response.text, "4242" in caplog.text) == (422, False, False)
