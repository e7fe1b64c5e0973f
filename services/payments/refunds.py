"""Refunds of an order, spread over its captured payments."""

from decimal import Decimal
from typing import NamedTuple

from models.enums import OperationKind
from models.order import OrderModel
from repositories.payments.payment_repository import PaymentRepository
from repositories.transaction import Transaction
from services.exceptions import ConflictError


class PlannedRefund(NamedTuple):
    """Amount that will be paid back, and the payments that `Settlement.settle_all` takes after the commit."""

    amount: Decimal
    payments: tuple[int, ...]


def refundable_of(tx: Transaction, order: OrderModel) -> Decimal:
    """Return the captured amount of the locked order without refunds that are done or pending."""
    return sum((locked.refundable() for locked in PaymentRepository(tx).lock_all_of(order)), Decimal(0))


def refund_order(tx: Transaction, order: OrderModel, amount: Decimal, return_id: int | None = None) -> PlannedRefund:
    """Add refunds of up to `amount` to the captured payments of the locked order, newest first.

    The amount is limited to what is refundable; ConflictError if that is nothing. The refunds are intents: after the
    commit, `await Settlement(app).settle_all(planned.payments)` asks the providers, and the sweep does so if the worker
    dies. `AppContext.after_refund` tells when a refund with `return_id` has ended; `PaymentRepository.of_return` reads
    the refunds of a return.
    """
    payments, left, changed = PaymentRepository(tx), amount, []
    for locked in reversed(payments.lock_all_of(order)):
        if part := min(left, locked.refundable()):
            payments.add_operation(locked, OperationKind.REFUND, part, return_id)
            if not payments.is_reserved(locked.payment):
                payments.settle_in(locked.payment, 0)
            changed.append(locked.payment.id_key)
            left -= part
    if not changed:
        raise ConflictError(f"Nothing is refundable for order {order.id_key}")
    return PlannedRefund(amount - left, tuple(changed))
