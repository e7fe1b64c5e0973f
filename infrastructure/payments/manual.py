"""Payments without a network: cash, and cards at a terminal of the shop. An admin's word is the provider's."""

from decimal import Decimal

from infrastructure.payments.provider import ProviderPayment, ProviderState, ProviderStatus, Remember


class ManualProvider:
    is_for_admins = True
    takes_tokens = False

    async def authorize(self, payment: ProviderPayment, token: str | None, remember: Remember) -> ProviderState:
        """Return the payment as captured: the money is in the till already."""
        return await self.fetch(payment)

    async def capture(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        return await self.fetch(payment)

    async def cancel(self, payment: ProviderPayment, key: str) -> ProviderState:
        return await self.fetch(payment)

    async def refund(self, payment: ProviderPayment, amount: Decimal, key: str) -> ProviderState:
        return ProviderState(ProviderStatus.CAPTURED, captured=payment.amount, refunds=frozenset([key]))

    async def fetch(self, payment: ProviderPayment) -> ProviderState:
        """Return the payment as captured. Refunds are not known, and sent again until they are recorded."""
        return ProviderState(ProviderStatus.CAPTURED, captured=payment.amount)

    def close(self) -> None:
        """Do nothing: there are no connections."""
