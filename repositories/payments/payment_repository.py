"""SQL of payments, and of the operations that providers are asked for."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, select

from models.enums import OperationKind, OperationStatus, PaymentStatus
from models.order import OrderModel
from models.payments.payment import PaymentModel, PaymentOperationModel
from repositories.base_repository_impl import BaseRepository
from repositories.order_repository import OrderRepository
from repositories.statements.statement import ClientKey, Statement, compiled

# Not `now()`: a transaction may wait for a lock before it compares times.
_CLOCK = func.clock_timestamp()
_CAPTURED = [PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED]
_CAPTURED_SUM = func.coalesce(
    func.sum(PaymentModel.amount).filter(
        PaymentModel.status.in_([literal_column(f"'{status}'") for status in _CAPTURED])
    ),
    literal_column("0"),
)
_REFUNDED_SUM = func.coalesce(func.sum(PaymentModel.refunded), literal_column("0"))
_BALANCE = compiled(
    select(OrderModel.total, OrderModel.status, OrderModel.payments_total, _CAPTURED_SUM, _REFUNDED_SUM)
    .outerjoin(PaymentModel, PaymentModel.order_id == OrderModel.id_key)
    .where(OrderModel.id_key == bindparam("order_id"))
    .group_by(OrderModel.id_key)
)
_SUMMARY = compiled(
    select(_CAPTURED_SUM, _REFUNDED_SUM)
    .join(OrderModel, PaymentModel.order_id == OrderModel.id_key)
    .where(OrderModel.client_id == bindparam("client_id"))
)
_DUE = compiled(
    select(PaymentModel.id_key)
    .where(PaymentModel.settle_at < _CLOCK)
    .order_by(PaymentModel.settle_at)
    .limit(bindparam("limit"))
)
_PROGRESS = compiled(
    select(PaymentModel.settle_at, PaymentModel.awaits_customer, PaymentModel.reference, PaymentModel.status).where(
        PaymentModel.id_key == bindparam("id_key")
    )
)


class LockedPayment(NamedTuple):
    """Payment, its order and its operations, oldest first. Operations change only under the lock of the payment."""

    payment: PaymentModel
    order: OrderModel
    operations: list[PaymentOperationModel]

    def pending(self, *kinds: OperationKind) -> list[PaymentOperationModel]:
        """Return the operations whose outcome is open, of all kinds or of these."""
        return [
            operation
            for operation in self.operations
            if operation.status == OperationStatus.PENDING and (not kinds or operation.kind in kinds)
        ]

    def is_waiting(self) -> bool:
        """Return True if nothing is open but the customer's action."""
        payment = self.payment
        is_with_customer = payment.awaits_customer and payment.reference is not None
        return payment.status == PaymentStatus.PENDING and is_with_customer and not self.pending()

    def refundable(self) -> Decimal:
        """Return the captured amount without refunds that are done or pending."""
        if not PaymentStatus(self.payment.status).is_captured:
            return Decimal(0)
        pending = sum((operation.amount for operation in self.pending(OperationKind.REFUND)), Decimal(0))
        return max(Decimal(0), self.payment.amount - self.payment.refunded - pending)


class PaymentRepository(BaseRepository[PaymentModel]):
    model = PaymentModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.id_key == PaymentModel.order_id, OrderModel.client_id == client_id)

    @staticmethod
    def balance(order_id: int) -> Statement:
        """Return the statement that reads an order's total, status, sum of payments, captured and refunded amount."""
        return Statement(_BALANCE, {"order_id": order_id})

    @staticmethod
    def summary(client_id: int) -> Statement:
        """Return the statement that sums up captured and refunded amounts of a client, of canceled orders, too."""
        return Statement(_SUMMARY, {"client_id": client_id})

    @staticmethod
    def due(limit: int) -> Statement:
        """Return the statement that finds payments whose provider has to be asked."""
        return Statement(_DUE, {"limit": limit})

    @staticmethod
    def progress(id_key: int) -> Statement:
        return Statement(_PROGRESS, {"id_key": id_key})

    def lock_with_order(self, id_key: int) -> LockedPayment | None:
        """Lock the order first, as every change of an order does, and then its payment."""
        payment = self.find(id_key)
        if payment is None:
            return None
        order = OrderRepository(self.tx).lock(payment.order_id)
        if order is None or self.lock(id_key) is None:
            return None
        return LockedPayment(payment, order, self.operations(id_key))

    def lock_all_of(self, order: OrderModel) -> list[LockedPayment]:
        """Lock the payments of the locked order in the order of their keys."""
        statement = (
            select(PaymentModel)
            .where(PaymentModel.order_id == order.id_key)
            .order_by(PaymentModel.id_key)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        payments = self.session.scalars(statement).all()
        return [LockedPayment(payment, order, self.operations(payment.id_key)) for payment in payments]

    def add(self, payment: PaymentModel, seconds: float) -> None:
        """Add a payment, and reserve it for this worker for `seconds`."""
        payment.settle_at = _CLOCK + timedelta(seconds=seconds)
        self.session.add(payment)
        self.session.flush()
        self.record_change(payment.id_key)

    def operations(self, id_key: int) -> list[PaymentOperationModel]:
        statement = (
            select(PaymentOperationModel)
            .where(PaymentOperationModel.payment_id == id_key)
            .order_by(PaymentOperationModel.id_key)
            .execution_options(populate_existing=True)
        )
        return list(self.session.scalars(statement))

    def operation(self, key: str) -> PaymentOperationModel | None:
        return self.session.scalars(select(PaymentOperationModel).where(PaymentOperationModel.key == key)).one_or_none()

    def add_operation(
        self, locked: LockedPayment, kind: OperationKind, amount: Decimal, return_id: int | None = None
    ) -> PaymentOperationModel:
        """Add an operation to the locked payment: the intent, which is committed before the provider is asked."""
        operation = PaymentOperationModel(
            payment_id=locked.payment.id_key, kind=kind, amount=amount, key=new_key(), return_id=return_id
        )
        self.session.add(operation)
        self.session.flush()
        locked.operations.append(operation)
        return operation

    def set_operation(self, operation: PaymentOperationModel, status: OperationStatus) -> None:
        operation.status = status
        self.session.flush()

    def settle_in(self, payment: PaymentModel, seconds: float | None) -> None:
        """Let the provider be asked again after `seconds`, or never."""
        after = None if seconds is None else _CLOCK + timedelta(seconds=seconds)
        self.update(payment, {"settle_at": after})

    def is_reserved(self, payment: PaymentModel) -> bool:
        """Return True if a worker has reserved the locked payment, and its time is not over."""
        statement = select(exists().where(PaymentModel.id_key == payment.id_key, PaymentModel.settle_at > _CLOCK))
        return bool(self.session.scalar(statement))

    def find_by_provider(self, key: str | None, reference: str) -> int | None:
        """Return the payment that a provider names by our key, or by its own id."""
        condition = PaymentModel.key == key if key else PaymentModel.reference == reference
        return self.session.scalars(select(PaymentModel.id_key).where(condition).limit(1)).one_or_none()

    def of_return(self, return_id: int) -> Sequence[PaymentOperationModel]:
        """Return the refunds of a return."""
        statement = select(PaymentOperationModel).where(PaymentOperationModel.return_id == return_id)
        return self.session.scalars(statement.order_by(PaymentOperationModel.id_key)).all()

    def has_open(self, order_id: int) -> bool:
        """Return True if the order has payments that are pending, authorized, or captured and not fully refunded."""
        over = [PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.REFUNDED]
        statement = select(exists().where(PaymentModel.order_id == order_id, PaymentModel.status.not_in(over)))
        return bool(self.session.scalar(statement))


def new_key() -> str:
    """Return an idempotency key for a provider. It is unique over all databases that share an account."""
    return str(uuid4())
