"""Ledger of stock: one row for each change of a product's stock."""

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, one_of, ordered_index, reference
from models.enums import StockReason


class StockMovementModel(BaseModel):
    """Movement of stock, written by the statement that changes the stock and never modified.

    A trigger records every other change as `corrected`. The key is assigned while the product's row is locked, so the
    order of keys is the order of the changes. `order_detail_id` stays when the detail is deleted.
    """

    __tablename__ = "stock_movements"
    __table_args__ = (
        CheckConstraint("quantity <> 0", name="quantity_not_zero"),
        CheckConstraint("stock_after >= 0", name="stock_after_not_negative"),
        CheckConstraint(one_of("reason", StockReason), name="reason_known"),
        ordered_index("product_id"),
    )

    is_append_only = True

    product_id: Mapped[int] = reference("products.id_key", cascade=True)
    quantity: Mapped[int] = mapped_column(BigInteger)
    stock_after: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(10))
    order_detail_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None] = mapped_column(String(500))
