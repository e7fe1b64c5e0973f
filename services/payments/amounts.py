"""Amounts of new payments and operations: nobody pays more than is due, or gets back more than was paid."""

from decimal import Decimal

from models.enums import OperationKind, PaymentStatus
from models.order import OrderModel
from repositories.bill_repository import BillRepository
from repositories.payments.payment_repository import LockedPayment
from repositories.transaction import Transaction
from services.exceptions import ConflictError

ALLOWED = {
    OperationKind.CAPTURE: (PaymentStatus.AUTHORIZED,),
    OperationKind.CANCEL: (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED),
    OperationKind.REFUND: (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED),
}
PAST = {OperationKind.CAPTURE: "captured", OperationKind.CANCEL: "canceled", OperationKind.REFUND: "refunded"}


def due_amount(tx: Transaction, order: OrderModel, amount: Decimal | None) -> Decimal:
    """Return the amount to pay. Locks the bill, whose orders may be paid at the same moment.

    Raises ConflictError if nothing, or less than `amount`, is due.
    """
    bill = BillRepository(tx).lock(order.bill_id)
    due = order.total - order.payments_total
    if bill is not None:
        due = min(due, bill.total - bill.payments_total)
    if amount is None and due > 0:
        return due
    if amount is None or amount > due:
        raise ConflictError(f"Order {order.id_key} has {max(due, Decimal(0)):.2f} due")
    return amount


def checked_amount(locked: LockedPayment, kind: OperationKind, amount: Decimal | None) -> Decimal:
    """Return the amount of a new operation. Raises ConflictError for a wrong step, or if it is too high."""
    payment, status = locked.payment, PaymentStatus(locked.payment.status)
    if status not in ALLOWED[kind]:
        raise ConflictError(f"Payment {payment.id_key} is {status}: it cannot be {PAST[kind]}")
    if busy := locked.pending(OperationKind.CAPTURE, OperationKind.CANCEL):
        raise ConflictError(f"Payment {payment.id_key} has a pending {busy[0].kind}")
    most = locked.refundable() if kind is OperationKind.REFUND else payment.amount
    if amount is None and most > 0:
        return most
    if amount is None or amount > most:
        raise ConflictError(f"Payment {payment.id_key}: at most {most:.2f} can be {PAST[kind]}")
    return amount
