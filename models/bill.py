"""Bill: amount and payment type of an order."""

import datetime

from sqlalchemy import CheckConstraint, Sequence, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, MoneyColumn, ordered_index

BILL_NUMBERS = Sequence("bill_number_seq", metadata=base.metadata)


class BillModel(BaseModel):
    """Bill. `payments_total` is the sum of that of its orders."""

    __tablename__ = "bills"
    __table_args__ = (
        CheckConstraint("total >= 0", name="total_not_negative"),
        CheckConstraint("discount >= 0", name="discount_not_negative"),
        CheckConstraint("payments_total <= total", name="payments_within_total"),
        ordered_index("date"),
        ordered_index("payment_type"),
        CheckConstraint("payment_type IN ('cash', 'card')", name="payment_type_known"),
    )

    bill_number: Mapped[str] = mapped_column(String(50), unique=True)
    discount: Mapped[MoneyColumn] = mapped_column(server_default="0")
    date: Mapped[datetime.date]
    total: Mapped[MoneyColumn]
    payment_type: Mapped[str] = mapped_column(String(10))
    payments_total: Mapped[MoneyColumn] = mapped_column(server_default="0")
