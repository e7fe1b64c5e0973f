"""A line of an order: so many of one product, at the price of that moment."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from models.base_model import BaseModel, MoneyColumn, ordered_index, reference


class OrderDetailModel(BaseModel):
    """Deleting an order deletes its details in the service, which puts their stock back first; the database refuses."""

    __tablename__ = "order_details"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("price > 0", name="price_positive"),
        ordered_index("order_id"),
        ordered_index("product_id"),
    )

    quantity: Mapped[int]
    price: Mapped[MoneyColumn]
    order_id: Mapped[int] = reference("orders.id_key")
    product_id: Mapped[int] = reference("products.id_key")
