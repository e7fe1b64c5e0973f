"""What the shop sells, and how much of it is left."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, MoneyColumn, ordered_index, reference


class ProductModel(BaseModel):
    """`supplied` is for audits: the units put in, so that at every instant
    supplied = stock + held by open orders + gone with delivered orders that still exist.
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
    stock: Mapped[int] = mapped_column(server_default="0")
    category_id: Mapped[int] = reference("categories.id_key")
    supplied: Mapped[int] = mapped_column(server_default="0")
