"""Card payments through Stripe: an amount is always authorized first and captured later.

A payment is a PaymentIntent. It is created without a card, so that its id is stored before anything can be charged.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import stripe
from stripe import RequestsClient, StripeClient, StripeObject

from infrastructure.payments.provider import (
    InvalidSignatureError,
    PaymentHint,
    ProviderPayment,
    ProviderRefusedError,
    ProviderState,
    ProviderStatus,
    ProviderUnavailableError,
    Remember,
)

Json = dict[str, Any]

THREADS = 8
REQUEST_SECONDS = 5
"""Time for one request. An authorization takes three, within CALL_SECONDS."""
REFUNDS = 100
"""Refunds of one payment that a request lists."""
PAYMENT_KEY, OPERATION_KEY = "payment_key", "operation_key"
# https://docs.stripe.com/currencies: minor units per unit of those that have not 100.
MINOR_UNITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"), 1),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 1),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 1000),
}
STATUSES = {
    "requires_payment_method": ProviderStatus.OPEN,
    "requires_confirmation": ProviderStatus.OPEN,
    "requires_action": ProviderStatus.OPEN,
    "processing": ProviderStatus.PROCESSING,
    "requires_capture": ProviderStatus.AUTHORIZED,
    "succeeded": ProviderStatus.CAPTURED,
    "canceled": ProviderStatus.CANCELED,
}


class StripeProvider:
    is_for_admins = False
    takes_tokens = True

    def __init__(self, api_key: str, webhook_secret: str | None, api_base: str | None) -> None:
        self._webhook_secret = webhook_secret
        self._client = StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            http_client=RequestsClient(timeout=REQUEST_SECONDS),
            max_network_retries=0,  # the service repeats them itself
        )
        self._intents, self._refunds = self._client.v1.payment_intents, self._client.v1.refunds
        # The library blocks, and its asynchronous client needs another HTTP library.
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="stripe")

    async def authorize(self, payment: ProviderPayment, token: str | None, remember: Remember) -> ProviderState:
        """Create the intent and, with a token, confirm it. Without one, the customer's browser confirms it."""
        if (reference := payment.reference) is None:
            reference = str((await self._create(payment))["id"])
            await remember(reference)
        if token is None:
            return await self._state(payment, await self._retrieve(reference))
        await self._call(self._intents.update, reference, {"payment_method": token})
        try:
            intent = await self._call(self._intents.confirm, reference, {}, _key(f"{payment.key}-confirm"))
        except _DeclinedError:
            return ProviderState(ProviderStatus.DECLINED)
        return await self._state(payment, intent)

    async def capture(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        params = {"amount_to_capture": minor_units(amount, payment.currency)}
        return await self._state(payment, await self._call(self._intents.capture, _id(payment), params, _key(key)))

    async def cancel(self, payment: ProviderPayment, key: str) -> ProviderState:
        return await self._state(payment, await self._call(self._intents.cancel, _id(payment), {}, _key(key)))

    async def refund(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        """Refund the amount. The key is also in the refund, because Stripe forgets idempotency keys after a day."""
        params = {
            "payment_intent": _id(payment),
            "amount": minor_units(amount, payment.currency),
            "metadata": {OPERATION_KEY: key},
        }
        await self._call(self._refunds.create, params, _key(key))
        return await self.fetch(payment)

    async def fetch(self, payment: ProviderPayment) -> ProviderState:
        if payment.reference is None:
            return ProviderState(ProviderStatus.ABSENT)
        return await self._state(payment, await self._retrieve(payment.reference))

    def verified(self, payload: bytes, signature: str | None) -> PaymentHint | None:
        """Return the payment that a webhook is about, or None if it is about none. Raises InvalidSignatureError.

        Only the hint is used: the state is fetched, so the order and the number of deliveries do not matter.
        """
        try:
            tolerance = stripe.Webhook.DEFAULT_TOLERANCE
            stripe.WebhookSignature.verify_header(payload, signature, self._webhook_secret, tolerance)
            thing: Any = json.loads(payload)["data"]["object"]
            is_intent = thing.get("object") == "payment_intent"
        except (ValueError, LookupError, TypeError, AttributeError, stripe.SignatureVerificationError) as error:
            raise InvalidSignatureError from error
        reference = thing.get("id") if is_intent else thing.get("payment_intent")
        key = (thing.get("metadata") or {}).get(PAYMENT_KEY) if is_intent else None
        return PaymentHint(key, reference) if isinstance(reference, str) else None

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _create(self, payment: ProviderPayment) -> Json:
        params = {
            "amount": minor_units(payment.amount, payment.currency),
            "currency": payment.currency.lower(),
            "capture_method": "manual",
            "payment_method_types": ["card"],
            "metadata": {PAYMENT_KEY: payment.key},
        }
        return await self._call(self._intents.create, params, _key(payment.key))

    async def _retrieve(self, reference: str) -> Json:
        return await self._call(self._intents.retrieve, reference)

    async def _state(self, payment: ProviderPayment, intent: Json) -> ProviderState:
        status = STATUSES.get(intent["status"], ProviderStatus.PROCESSING)
        if status is ProviderStatus.OPEN and intent.get("last_payment_error"):
            status = ProviderStatus.DECLINED
        if status is not ProviderStatus.CAPTURED:
            return ProviderState(status, client_secret=intent.get("client_secret"))
        params = {"payment_intent": intent["id"], "limit": REFUNDS}
        refunds = await self._call(self._refunds.list, params)
        return _captured_state(intent, refunds["data"], payment.currency)

    async def _call(self, function: Callable[..., StripeObject], *arguments: Any) -> Json:
        """Run a request of the library in a thread, and translate its errors."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return (await loop.run_in_executor(self._executor, partial(function, *arguments))).to_dict()
        except stripe.CardError as error:
            raise _DeclinedError(error.code) from error
        except stripe.InvalidRequestError as error:
            raise ProviderRefusedError(error.code or "invalid request") from error
        except (stripe.StripeError, TimeoutError) as error:
            raise ProviderUnavailableError(type(error).__name__) from error


class _DeclinedError(ProviderRefusedError): ...


def _captured_state(intent: Json, refunds: list[Json], currency: str) -> ProviderState:
    # localstripe has no `amount_received`; it books the rest of a partial capture as a refund of no intent.
    released = sum(refund["amount"] for refund in refunds if not refund.get("payment_intent"))
    captured = intent.get("amount_received", intent["amount"] - released)
    own = [refund for refund in refunds if refund.get("payment_intent")]
    made = [refund for refund in own if refund["status"] not in ("failed", "canceled")]
    keys, made_keys = _keys(own), _keys(made)
    return ProviderState(
        ProviderStatus.CAPTURED,
        amount_of(captured, currency),
        amount_of(sum(refund["amount"] for refund in made), currency),
        made_keys,
        keys - made_keys,
    )


def _keys(refunds: list[Json]) -> frozenset[str]:
    return frozenset(key for refund in refunds if (key := (refund.get("metadata") or {}).get(OPERATION_KEY)))


def _key(key: str) -> dict[str, str]:
    return {"idempotency_key": key}


def _id(payment: ProviderPayment) -> str:
    if payment.reference is None:
        raise ProviderRefusedError("the payment has never reached Stripe")
    return payment.reference


def minor_units(amount: Decimal, currency: str) -> int:
    """Return the amount in the currency's smallest unit. Raises ProviderRefusedError if it has a fraction of it."""
    minor = amount * MINOR_UNITS.get(currency, 100)
    if minor != minor.to_integral_value():
        raise ProviderRefusedError(f"{currency} has no cents")
    return int(minor)


def amount_of(minor: int, currency: str) -> Decimal:
    return Decimal(minor) / MINOR_UNITS.get(currency, 100)
