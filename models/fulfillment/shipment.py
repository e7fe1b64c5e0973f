"""Shipments of orders: their lines, and the events that a carrier reports."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, column_property, declared_attr, mapped_column

from config.database import base
from models.base_model import BaseModel, one_of, ordered_index, reference
from models.enums import ShipmentStatus
from models.fulfillment.order_line import lines_of


class ShipmentLineModel(base):
    """Units of an order detail in a shipment. The database has no cascade: it refuses to delete a shipped detail."""

    __tablename__ = "shipment_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"), Index(None, "order_detail_id"))

    shipment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("shipments.id_key", ondelete="CASCADE"), primary_key=True
    )
    order_detail_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("order_details.id_key"), primary_key=True)
    quantity: Mapped[int]


class ShipmentModel(BaseModel):
    """Shipment. It changes only under the lock of its order, and so do its lines."""

    __tablename__ = "shipments"
    __table_args__ = (
        CheckConstraint(one_of("status", ShipmentStatus), name="status_known"),
        ordered_index("order_id"),
        ordered_index("status"),
    )

    order_id: Mapped[int] = reference("orders.id_key")
    carrier: Mapped[str | None] = mapped_column(String(100))
    tracking_number: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(16), server_default=ShipmentStatus.CREATED)

    @declared_attr
    @classmethod
    def lines(cls) -> Mapped[list[dict[str, Any]]]:
        return column_property(lines_of(ShipmentLineModel, ShipmentLineModel.shipment_id == cls.id_key))


class ShipmentEventModel(BaseModel):
    """Event of a shipment, never modified. `occurred_at` is the carrier's time, `created_at` that of the report."""

    __tablename__ = "shipment_events"
    is_resource = False
    __table_args__ = (
        CheckConstraint(one_of("status", ShipmentStatus), name="status_known"),
        ordered_index("shipment_id"),
    )

    shipment_id: Mapped[int] = reference("shipments.id_key", cascade=True)
    status: Mapped[str] = mapped_column(String(16))
    location: Mapped[str | None] = mapped_column(String(200))
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
