"""Copy of the address that an order was placed with. Later changes of the address do not change it."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import reference


class ShippingAddressModel(base):
    """Shipping address. `address_id` is the key of the copied address, which may no longer exist.

    The copy is deleted with its order, and with the client whose address it is, whoever has the order meanwhile.
    """

    __tablename__ = "shipping_addresses"
    __table_args__ = (Index(None, "client_id"),)

    order_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("orders.id_key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    address_id: Mapped[int] = mapped_column(BigInteger)
    street: Mapped[str] = mapped_column(String(200))
    number: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(100))
    client_id: Mapped[int] = reference("clients.id_key", cascade=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
