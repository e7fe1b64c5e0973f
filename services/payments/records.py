"""The database side of a settlement: payments are reserved, found, and changed by the answers of providers."""

from infrastructure.observability.metrics import metrics
from infrastructure.payments.provider import PaymentHint, ProviderState
from models.enums import OperationKind, OperationStatus, PaymentStatus
from models.payments.payment import PaymentOperationModel
from repositories.payments.payment_repository import PaymentRepository
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL
from services.payments.open_payment import OpenPayment
from services.payments.recording import LEASE_SECONDS, record
from services.transactions.unit_of_work import TransactionalService, in_worker_thread


class PaymentRecords(TransactionalService):
    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        self.currency = app_context.settings.payment_currency

    @in_worker_thread
    def claim(self, id_key: int) -> OpenPayment | None:
        """Reserve an open payment for this worker. Return None if it is settled, or reserved by another worker."""
        with self.unit_of_work(INTERNAL) as tx:
            payments = PaymentRepository(tx)
            locked = payments.lock_with_order(id_key)
            if locked is None or locked.payment.settle_at is None or payments.is_reserved(locked.payment):
                return None
            payments.settle_in(locked.payment, LEASE_SECONDS)
            return OpenPayment.of(locked, self.currency)

    @in_worker_thread
    def find(self, hint: PaymentHint) -> OpenPayment | None:
        """Return the payment that a provider names, without reserving it."""
        with self.unit_of_work(INTERNAL) as tx:
            payments = PaymentRepository(tx)
            id_key = payments.find_by_provider(hint.key, hint.reference)
            locked = payments.lock_with_order(id_key) if id_key is not None else None
            return OpenPayment.of(locked, self.currency) if locked else None

    @in_worker_thread
    def remember(self, id_key: int, reference: str) -> None:
        """Store the provider's id of a payment before anything can be charged."""
        with self.unit_of_work(INTERNAL) as tx:
            payments = PaymentRepository(tx)
            if (payment := payments.lock(id_key)) is not None:
                payments.update(payment, {"reference": reference})

    @in_worker_thread
    def record(
        self, id_key: int, state: ProviderState, *, refused: str | None = None, awaits: bool = False
    ) -> OpenPayment:
        """Record a provider's answer, and return what is open afterwards. Safe to repeat."""
        with self.unit_of_work(INTERNAL) as tx:
            payments = PaymentRepository(tx)
            locked = payments.lock_with_order(id_key)
            if locked is None:
                raise RuntimeError(f"payment {id_key} has disappeared")
            if awaits and not locked.payment.awaits_customer:
                payments.update(locked.payment, {"awaits_customer": True})
            before = PaymentStatus(locked.payment.status)
            ended = record(tx, locked, state, refused)
            for return_id in dict.fromkeys(one.return_id for one in ended if one.return_id is not None):
                for hook in self.app_context.after_refund:
                    hook(tx, return_id)
            after = OpenPayment.of(locked, self.currency)
        _count(before, after.status, ended)
        return after


def _count(before: PaymentStatus, after: PaymentStatus, ended: list[PaymentOperationModel]) -> None:
    """Count the change for the metrics, after its commit."""
    if after is PaymentStatus.FAILED and before is not after:
        metrics.payment_failed()
    if after.is_captured and not before.is_captured:
        metrics.payment_captured()
    for operation in ended:
        if operation.status == OperationStatus.FAILED:
            metrics.payment_operation_failed()
        elif operation.kind == OperationKind.REFUND:
            metrics.payment_refunded()
