"""A payment outside of transactions, while its provider is asked."""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple, Self

from infrastructure.payments.provider import ProviderPayment
from models.enums import OperationKind, OrderStatus, PaymentStatus
from repositories.payments.payment_repository import LockedPayment
from schemas.base_schema import utc_now

ACTION_TIME = timedelta(hours=24)
"""Time for a customer to complete a payment. Stripe gives its own checkout pages the same."""


class PendingOperation(NamedTuple):
    kind: OperationKind
    amount: Decimal
    key: str


class OpenPayment(NamedTuple):
    """`is_abandoned` is True if nobody shall complete the payment any more."""

    id_key: int
    provider: str
    status: PaymentStatus
    at_provider: ProviderPayment
    awaits_customer: bool
    is_abandoned: bool
    operations: tuple[PendingOperation, ...]

    @classmethod
    def of(cls, locked: LockedPayment, currency: str) -> Self:
        payment, order = locked.payment, locked.order
        is_late = payment.awaits_customer and payment.created_at < utc_now() - ACTION_TIME
        return cls(
            payment.id_key,
            payment.provider,
            PaymentStatus(payment.status),
            ProviderPayment(payment.key, payment.amount, currency, payment.reference),
            payment.awaits_customer,
            is_late or not payment.awaits_customer or order.status == OrderStatus.CANCELED,
            tuple(PendingOperation(OperationKind(one.kind), one.amount, one.key) for one in locked.pending()),
        )
