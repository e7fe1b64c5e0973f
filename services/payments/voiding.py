"""The payments of an order that is canceled."""

from models.enums import OperationKind, PaymentStatus
from models.order import OrderModel
from repositories.payments.payment_repository import LockedPayment, PaymentRepository
from repositories.transaction import Transaction
from services.exceptions import ConflictError


def void_payments(tx: Transaction, order: OrderModel) -> None:
    """Let the sweep cancel the open payments of the locked order. A capture that still arrives is refunded.

    Raises ConflictError if captured money is not refunded.
    """
    payments = PaymentRepository(tx)
    every = payments.lock_all_of(order)
    if any(_is_kept(locked) for locked in every):
        raise ConflictError(f"Order {order.id_key} has captured payments: refund them first")
    for locked in every:
        status = PaymentStatus(locked.payment.status)
        if status is PaymentStatus.AUTHORIZED and not locked.pending():
            payments.add_operation(locked, OperationKind.CANCEL, locked.payment.amount)
        is_open = status in (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED)
        if is_open and (locked.is_waiting() or not payments.is_reserved(locked.payment)):
            payments.settle_in(locked.payment, 0)


def _is_kept(locked: LockedPayment) -> bool:
    return PaymentStatus(locked.payment.status).is_captured and locked.payment.refunded < locked.payment.amount
