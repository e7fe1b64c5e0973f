"""Orders of clients, and the history of their status."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, MoneyColumn, ordered_index, reference


class OrderModel(BaseModel):
    """Order. `checkout_lines` is the number of lines that a checkout placed, null for other orders.

    The totals of a checkout order and of its bill follow from its details and the discount. `payments_total` is the sum
    of all payments that are neither failed nor canceled; a trigger keeps it.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total >= 0", name="total_not_negative"),
        CheckConstraint("delivery_method BETWEEN 1 AND 3", name="delivery_method_known"),
        CheckConstraint("status BETWEEN 1 AND 4", name="status_known"),
        CheckConstraint("payments_total <= total", name="payments_within_total"),
        *map(ordered_index, ("client_id", "bill_id", "status", "delivery_method", "date")),
        ordered_index("status", "date"),
    )

    date: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    total: Mapped[MoneyColumn]
    delivery_method: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    client_id: Mapped[int] = reference("clients.id_key")
    bill_id: Mapped[int] = reference("bills.id_key")
    checkout_lines: Mapped[int | None] = mapped_column(SmallInteger)
    payments_total: Mapped[MoneyColumn] = mapped_column(server_default="0")

    @property
    def is_checkout(self) -> bool:
        return self.checkout_lines is not None


class OrderStatusChangeModel(base):
    """Change of an order's status, written by a trigger. `from_status` is null for the creation."""

    __tablename__ = "order_status_changes"

    id_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id_key", ondelete="CASCADE"), index=True)
    from_status: Mapped[int | None] = mapped_column(SmallInteger)
    to_status: Mapped[int] = mapped_column(SmallInteger)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())


class OrderHoldModel(base):
    """The time since which ORDER_HOLD_MINUTES is set: one row, or none while unpaid orders are kept."""

    __tablename__ = "order_hold"
    __table_args__ = (CheckConstraint("id_key = 1", name="one_row"),)

    id_key: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    enabled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
