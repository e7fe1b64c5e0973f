"""Product and its stock."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, MoneyColumn, ordered_index, reference, search_text


def live_index(*columns: str) -> Index:
    """Declare an `ordered_index` of the products that are not archived, so that lists read no archived ones."""
    return Index(f"ix_products_live_{'_'.join(columns)}", *columns, "id_key", postgresql_where=text("NOT archived"))


product_words = Table("product_words", base.metadata, Column("word", Text, nullable=False, index=True))
"""The words of all names, kept by a trigger, which never removes one."""


class ProductModel(BaseModel):
    """Product. Every change of `stock` has a row in the ledger (`StockMovementModel`).

    A statement that writes this row itself adds 1 to `recorded_changes`, otherwise a trigger writes it.
    """

    __tablename__ = "products"
    words = product_words
    __table_args__ = (
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        ordered_index("category_id"),
        ordered_index("archived"),
        *map(live_index, ("name", "price", "stock")),
        live_index("category_id", "price"),
        Index("uq_products_sku", "sku", unique=True, postgresql_where=text("sku IS NOT NULL")),
    )

    name: Mapped[str] = mapped_column(String(200))
    price: Mapped[MoneyColumn]
    stock: Mapped[int] = mapped_column(BigInteger, server_default="0")
    category_id: Mapped[int] = reference("categories.id_key")
    sku: Mapped[str | None] = mapped_column(String(64))
    archived: Mapped[bool] = mapped_column(server_default=false())
    recorded_changes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    search_text: Mapped[str] = search_text("name")
