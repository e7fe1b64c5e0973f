"""Payments of orders, and the changes of payments that providers are asked for."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, MoneyColumn, one_of, ordered_index, reference
from models.enums import OperationKind, OperationStatus, PaymentStatus


class PaymentModel(BaseModel):
    """Payment of an order. It is committed as `pending` before its provider is asked.

    `amount` is reserved while the payment is pending or authorized, and paid once it is captured. `key` identifies the
    payment at its provider, `reference` is the provider's id. `awaits_customer` is set if the customer completes the
    payment. `settle_at` is null while nothing is open; afterwards the service asks the provider again.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("refunded BETWEEN 0 AND amount", name="refunded_within_amount"),
        CheckConstraint(one_of("status", PaymentStatus), name="status_known"),
        ordered_index("order_id"),
        ordered_index("status"),
        Index("ix_payments_settle_at", "settle_at", postgresql_where=text("settle_at IS NOT NULL")),
    )

    order_id: Mapped[int] = reference("orders.id_key")
    amount: Mapped[MoneyColumn]
    refunded: Mapped[MoneyColumn] = mapped_column(server_default="0")
    status: Mapped[str] = mapped_column(String(20), server_default=PaymentStatus.PENDING)
    provider: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str | None] = mapped_column(String(255), index=True)
    key: Mapped[str] = mapped_column(String(36), unique=True)
    awaits_customer: Mapped[bool] = mapped_column(server_default="false")
    settle_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PaymentOperationModel(base):
    """Capture, cancellation or refund. It is committed as `pending` before the provider is asked.

    `key` identifies it at the provider. `return_id` is the return whose goods a refund pays back.
    """

    __tablename__ = "payment_operations"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(one_of("kind", OperationKind), name="kind_known"),
        CheckConstraint(one_of("status", OperationStatus), name="status_known"),
        ordered_index("payment_id"),
    )

    id_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    payment_id: Mapped[int] = reference("payments.id_key")
    kind: Mapped[str] = mapped_column(String(10))
    amount: Mapped[MoneyColumn]
    status: Mapped[str] = mapped_column(String(10), server_default=OperationStatus.PENDING)
    key: Mapped[str] = mapped_column(String(36), unique=True)
    return_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
