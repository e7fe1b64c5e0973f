"""Product and its stock."""

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, MoneyColumn, ordered_index, reference, search_text


class ProductModel(BaseModel):
    """Product. Every change of `stock` has a row in the ledger (`StockMovementModel`).

    A statement that writes this row itself adds 1 to `recorded_changes`, otherwise a trigger writes it.
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        ordered_index("category_id"),
        ordered_index("category_id", "price"),
        ordered_index("name"),
        ordered_index("price"),
        ordered_index("stock"),
    )

    name: Mapped[str] = mapped_column(String(200))
    price: Mapped[MoneyColumn]
    stock: Mapped[int] = mapped_column(BigInteger, server_default="0")
    category_id: Mapped[int] = reference("categories.id_key")
    recorded_changes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    search_text: Mapped[str] = search_text("name")
