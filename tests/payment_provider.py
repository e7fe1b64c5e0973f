"""A payment provider that keeps its own state, as a server does, and fails where a test tells it to."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from infrastructure.payments.provider import (
    ProviderPayment,
    ProviderRefusedError,
    ProviderState,
    ProviderStatus,
    ProviderUnavailableError,
    Remember,
)

DECLINED, CHALLENGED = "card_declined", "card_challenged"


class KilledError(Exception):
    """Stands for kill -9: the code of payments does not catch it, and its transactions are rolled back."""


def kill_at(
    point: str, provider: "ProviderDouble", service_points: Mapping[str, tuple[type, str]], patch: pytest.MonkeyPatch
) -> None:
    """Kill the next request at a point of the provider, or before a method of the service, which it names as well."""
    if point not in service_points:
        provider.fail_at(point, error=KilledError)
        return
    owner, name = service_points[point]
    original = getattr(owner, name)

    async def die(*_: Any, **__: Any) -> None:
        patch.setattr(owner, name, original)
        raise KilledError(point)

    patch.setattr(owner, name, die)


@dataclass
class Charge:
    """Payment as the provider knows it."""

    amount: Decimal
    status: ProviderStatus = ProviderStatus.OPEN
    captured: Decimal = Decimal(0)
    refunds: dict[str, Decimal] = field(default_factory=dict)
    failed_refunds: set[str] = field(default_factory=set)

    def state(self, secret: str | None = None) -> ProviderState:
        refunded = sum((amount for key, amount in self.refunds.items() if key not in self.failed_refunds), Decimal(0))
        return ProviderState(
            self.status,
            self.captured,
            refunded,
            frozenset(self.refunds) - self.failed_refunds,
            frozenset(self.failed_refunds),
            secret if self.status is ProviderStatus.OPEN else None,
        )


class ProviderDouble:
    """`fault` is called with the name of each point that a call passes; it may raise an error or wait there.

    The points of a call are `authorize`, `authorize:remembered` and `authorize:done`, and alike for the others.
    """

    is_for_admins, takes_tokens = False, True

    def __init__(self, *, is_for_admins: bool = False) -> None:
        self.charges: dict[str, Charge] = {}
        self.calls: list[str] = []
        self.fault: Callable[[str], Awaitable[None] | None] = lambda point: None
        self.is_for_admins = is_for_admins

    async def authorize(self, payment: ProviderPayment, token: str | None, remember: Remember) -> ProviderState:
        await self._pass("authorize")
        reference = payment.reference or f"ref_{payment.key}"
        charge = self.charges.setdefault(reference, Charge(payment.amount))
        if payment.reference is None:
            await remember(reference)
        await self._pass("authorize:remembered")
        if charge.status is ProviderStatus.OPEN and token == DECLINED:
            charge.status = ProviderStatus.DECLINED
        elif charge.status is ProviderStatus.OPEN and token not in (None, CHALLENGED):
            charge.status = ProviderStatus.AUTHORIZED
        await self._pass("authorize:done")
        return charge.state(f"{reference}_secret")

    async def capture(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        await self._pass("capture")
        charge = self._charge(payment)
        if charge.status is ProviderStatus.AUTHORIZED:
            charge.status, charge.captured = ProviderStatus.CAPTURED, amount
        elif charge.status is not ProviderStatus.CAPTURED:
            raise ProviderRefusedError(f"the payment is {charge.status}")
        await self._pass("capture:done")
        return charge.state()

    async def cancel(self, payment: ProviderPayment, key: str) -> ProviderState:
        await self._pass("cancel")
        charge = self._charge(payment)
        if charge.status is ProviderStatus.CAPTURED:
            raise ProviderRefusedError("the payment is captured")
        charge.status = ProviderStatus.CANCELED
        await self._pass("cancel:done")
        return charge.state()

    async def refund(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        await self._pass("refund")
        charge = self._charge(payment)
        if key not in charge.refunds:
            if amount > charge.captured - charge.state().refunded:
                raise ProviderRefusedError("the amount is too high")
            charge.refunds[key] = amount
        await self._pass("refund:done")
        return charge.state()

    async def fetch(self, payment: ProviderPayment) -> ProviderState:
        await self._pass("fetch")
        if payment.reference is None:
            return ProviderState(ProviderStatus.ABSENT)
        return self._charge(payment).state(f"{payment.reference}_secret")

    def close(self) -> None:
        """Do nothing."""

    def complete(self, reference: str, status: ProviderStatus = ProviderStatus.AUTHORIZED) -> None:
        """Let the customer complete the payment, or the shop change it at the provider."""
        charge = self.charges[reference]
        captured = charge.amount if status is ProviderStatus.CAPTURED else charge.captured
        self.charges[reference] = replace(charge, status=status, captured=captured)

    def fail_at(self, *points: str, error: type[Exception] = ProviderUnavailableError) -> None:
        """Raise an error at each of these points once."""
        left = list(points)

        def fault(point: str) -> None:
            if point in left:
                left.remove(point)
                raise error(point)

        self.fault = fault

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Forget what happens in the block, as the transaction of a test does."""
        charges = deepcopy(self.charges)
        yield
        self.charges = charges

    def _charge(self, payment: ProviderPayment) -> Charge:
        assert payment.reference is not None
        return self.charges[payment.reference]

    async def _pass(self, point: str) -> None:
        self.calls.append(point)
        if (pause := self.fault(point)) is not None:
            await pause
