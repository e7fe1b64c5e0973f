"""The result of a provider's answer: the state of a payment, whatever the order of the answers."""

from decimal import Decimal

from infrastructure.payments.provider import ProviderState, ProviderStatus
from models.enums import OperationKind, OperationStatus, OrderStatus, PaymentStatus
from models.payments.payment import PaymentModel, PaymentOperationModel
from repositories.payments.payment_repository import LockedPayment, PaymentRepository
from repositories.transaction import Transaction, Values

LEASE_SECONDS = 20
"""Time that a worker has to ask the provider and to record its answer. Another one then asks again."""
CUSTOMER_SECONDS = 60
"""Time between two questions about a payment that waits for its customer. A webhook is faster."""


def record(
    tx: Transaction, locked: LockedPayment, state: ProviderState, refused: str | None = None
) -> list[PaymentOperationModel]:
    """Write the provider's state to the locked payment and to its operations, and return the operations that end.

    A payment only moves forward, so an answer that arrives late undoes nothing. `refused` is the key of an operation
    that the provider refuses.
    """
    payments, ended = PaymentRepository(tx), []
    for operation in locked.operations:
        after = _status_of(operation, state, refused)
        if after != operation.status:
            payments.set_operation(operation, after)
            ended.append(operation)
    values = _new_values(locked, state)
    if any(getattr(locked.payment, name) != value for name, value in values.items()):
        payments.update(locked.payment, values)
    _follow_up(payments, locked, state)
    payments.settle_in(locked.payment, _next_question(locked))
    return ended


def _status_of(operation: PaymentOperationModel, state: ProviderState, refused: str | None) -> OperationStatus:
    before = OperationStatus(operation.status)
    if operation.kind == OperationKind.REFUND:
        if operation.key in state.failed_refunds:
            return OperationStatus.FAILED
        if operation.key in state.refunds:
            return OperationStatus.DONE
    elif before is OperationStatus.PENDING and state.status in (ProviderStatus.CAPTURED, ProviderStatus.CANCELED):
        wanted = {OperationKind.CAPTURE: ProviderStatus.CAPTURED, OperationKind.CANCEL: ProviderStatus.CANCELED}
        is_done = state.status is wanted[OperationKind(operation.kind)]
        return OperationStatus.DONE if is_done else OperationStatus.FAILED
    return OperationStatus.FAILED if before is OperationStatus.PENDING and operation.key == refused else before


def _new_values(locked: LockedPayment, state: ProviderState) -> Values:
    payment = locked.payment
    status, amount, refunded = _next_status(payment, state.status), payment.amount, payment.refunded
    if status is PaymentStatus.CAPTURED and state.captured:
        amount = min(amount, state.captured)
    if status.is_captured:
        done = (one.amount for one in locked.operations if _is_refunded(one))
        refunded = min(amount, max(sum(done, Decimal(0)), state.refunded))
        status = _refund_status(amount, refunded)
    return {"status": status, "amount": amount, "refunded": refunded}


def _is_refunded(operation: PaymentOperationModel) -> bool:
    return operation.kind == OperationKind.REFUND and operation.status == OperationStatus.DONE


def _refund_status(amount: Decimal, refunded: Decimal) -> PaymentStatus:
    if not refunded:
        return PaymentStatus.CAPTURED
    return PaymentStatus.REFUNDED if refunded == amount else PaymentStatus.PARTIALLY_REFUNDED


def _next_status(payment: PaymentModel, at_provider: ProviderStatus) -> PaymentStatus:
    before = PaymentStatus(payment.status)
    if before not in (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED):
        return before
    if at_provider is ProviderStatus.CAPTURED:
        return PaymentStatus.CAPTURED
    if at_provider is ProviderStatus.CANCELED:
        return PaymentStatus.CANCELED
    if before is PaymentStatus.AUTHORIZED:
        return before
    if at_provider is ProviderStatus.AUTHORIZED:
        return PaymentStatus.AUTHORIZED
    # A customer whose card is declined may try another one.
    is_final = at_provider is ProviderStatus.ABSENT or not payment.awaits_customer
    return PaymentStatus.FAILED if is_final and at_provider in _WITHOUT_MONEY else before


_WITHOUT_MONEY = (ProviderStatus.DECLINED, ProviderStatus.ABSENT)


def _follow_up(payments: PaymentRepository, locked: LockedPayment, state: ProviderState) -> None:
    """Add the operation that gives back money nobody may keep: of a canceled order, or of a payment that is over."""
    payment, status = locked.payment, PaymentStatus(locked.payment.status)
    is_canceled = locked.order.status == OrderStatus.CANCELED
    # An operation that the provider has refused is left to people, and not sent forever.
    unfinished = {one.kind for one in locked.operations if one.status != OperationStatus.DONE}
    if is_canceled and status is PaymentStatus.AUTHORIZED and OperationKind.CANCEL not in unfinished:
        payments.add_operation(locked, OperationKind.CANCEL, payment.amount)
    if OperationKind.REFUND not in unfinished and (amount := _unwanted(locked, state)) > 0:
        payments.add_operation(locked, OperationKind.REFUND, amount)


def _unwanted(locked: LockedPayment, state: ProviderState) -> Decimal:
    """Return the captured amount that the shop may not keep."""
    if locked.order.status == OrderStatus.CANCELED and (amount := locked.refundable()):
        return amount
    is_late = PaymentStatus(locked.payment.status).is_over and state.status is ProviderStatus.CAPTURED
    return state.captured - state.refunded if is_late else Decimal(0)


def _next_question(locked: LockedPayment) -> float | None:
    if not locked.pending() and locked.payment.status != PaymentStatus.PENDING:
        return None
    return CUSTOMER_SECONDS if locked.is_waiting() else LEASE_SECONDS
