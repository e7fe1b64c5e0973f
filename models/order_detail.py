"""Line of an order: a quantity of one product, with its price at the time of the order."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from models.base_model import BaseModel, MoneyColumn, ordered_index, reference


class OrderDetailModel(BaseModel):
    """Order detail. The service deletes the details of a deleted order and restores their stock first.

    The database has no cascade here, so it refuses to delete an order with details.
    """

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
