"""Returns of delivered orders, and their lines."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, column_property, declared_attr, mapped_column

from config.database import base
from models.base_model import BaseModel, MoneyColumn, one_of, ordered_index, reference
from models.enums import ReturnStatus
from models.fulfillment.order_line import lines_of


class ReturnLineModel(base):
    """Units of an order detail in a return."""

    __tablename__ = "return_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"), Index(None, "order_detail_id"))

    return_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("returns.id_key", ondelete="CASCADE"), primary_key=True
    )
    order_detail_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("order_details.id_key"), primary_key=True)
    quantity: Mapped[int]


class ReturnModel(BaseModel):
    """Return. It changes only under the lock of its order. `is_restocked` is true if its units are in stock again."""

    __tablename__ = "returns"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint(one_of("status", ReturnStatus), name="status_known"),
        ordered_index("order_id"),
        ordered_index("status"),
    )

    order_id: Mapped[int] = reference("orders.id_key")
    status: Mapped[str] = mapped_column(String(10), server_default=ReturnStatus.REQUESTED)
    reason: Mapped[str] = mapped_column(String(500))
    amount: Mapped[MoneyColumn]
    is_restocked: Mapped[bool] = mapped_column(server_default="false")

    @declared_attr
    @classmethod
    def lines(cls) -> Mapped[list[dict[str, Any]]]:
        return column_property(lines_of(ReturnLineModel, ReturnLineModel.return_id == cls.id_key))
