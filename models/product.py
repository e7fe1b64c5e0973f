"""What the shop sells, and how much of it is left."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, MoneyColumn, reference


class ProductModel(BaseModel):
    """`supplied` is for audits: the units put in, so that at every instant
    supplied = stock + held by open orders + gone with delivered orders that still exist.
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
    )

    name: Mapped[str] = mapped_column(String(200), index=True)
    price: Mapped[MoneyColumn] = mapped_column(index=True)
    stock: Mapped[int] = mapped_column(server_default="0", index=True)
    category_id: Mapped[int] = reference("categories.id_key")
    supplied: Mapped[int] = mapped_column(server_default="0")
