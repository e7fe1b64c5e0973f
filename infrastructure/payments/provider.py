"""The protocol of payment providers. `docs/PAYMENTS.md` shows how to add one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from infrastructure.exceptions import UnavailableError


class ProviderStatus(StrEnum):
    ABSENT = "absent"
    """The provider does not know the payment, so nothing has been charged."""
    OPEN = "open"
    """The customer has not confirmed the payment yet."""
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """Payment as a provider needs it. `key` is its idempotency key, `reference` the provider's id once it is known."""

    key: str
    amount: Decimal
    currency: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class ProviderState:
    """State of a payment at its provider. The provider is right, whatever the service believes.

    `captured` and `refunded` are sums, without failed refunds. `refunds` and `failed_refunds` are the keys of refunds.
    `client_secret` lets the customer's browser complete the payment; it is neither stored nor logged.
    """

    status: ProviderStatus
    captured: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    refunds: frozenset[str] = frozenset()
    failed_refunds: frozenset[str] = frozenset()
    client_secret: str | None = field(default=None, repr=False)


class ProviderUnavailableError(UnavailableError):
    """The provider has not answered, so nobody knows the outcome. Ask it again later."""


class ProviderRefusedError(Exception):
    """The provider has answered that it does not do it. Nothing has changed."""


class InvalidSignatureError(Exception):
    """The webhook is not from the provider, or too old."""


class PaymentHint(NamedTuple):
    """Payment that a webhook is about: our key, if the object has it, and the provider's id."""

    key: str | None
    reference: str


Remember = Callable[[str], Awaitable[None]]
"""Stores the provider's id of the payment."""


class PaymentProvider(Protocol):
    """A provider of payments.

    Every method may run again with the same keys, and then has no second effect. It returns the state afterwards, or
    raises ProviderUnavailableError or ProviderRefusedError. It answers within CALL_SECONDS in all.
    """

    is_for_admins: bool
    """True if clients may not pay with it."""
    takes_tokens: bool
    """True if a payment without a token waits for the customer."""

    async def authorize(self, payment: ProviderPayment, token: str | None, remember: Remember) -> ProviderState:
        """Reserve the amount, or charge it if the provider knows no authorization.

        Await `remember` before anything can be charged: a payment without a reference has never been charged.
        """

    async def capture(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        """Charge up to the authorized amount and release the rest."""

    async def cancel(self, payment: ProviderPayment, key: str) -> ProviderState:
        """Release an amount that is not captured. A captured payment stays as it is."""

    async def refund(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        """Pay back a part of the captured amount."""

    async def fetch(self, payment: ProviderPayment) -> ProviderState:
        """Return the current state."""

    def close(self) -> None:
        """Release connections and threads."""


CALL_SECONDS = 16
"""A settlement that takes longer may be repeated by another worker meanwhile."""
