"""Enumerations, with the values that JSON and the database use."""

from enum import IntEnum, StrEnum


class DeliveryMethod(IntEnum):
    DRIVE_THRU = 1
    ON_HAND = 2
    HOME_DELIVERY = 3


class OrderStatus(IntEnum):
    PENDING = 1
    IN_PROGRESS = 2
    DELIVERED = 3
    CANCELED = 4

    @property
    def is_open(self) -> bool:
        """Return True if details may still change. Their quantities are held for the order."""
        return self in (OrderStatus.PENDING, OrderStatus.IN_PROGRESS)


class PaymentType(StrEnum):
    CASH = "cash"
    CARD = "card"


class StockReason(StrEnum):
    """Reason of a stock movement."""

    INITIAL = "initial"
    SOLD = "sold"
    RESTORED = "restored"
    RETURNED = "returned"
    RECEIVED = "received"
    DAMAGED = "damaged"
    COUNTED = "counted"
    CORRECTED = "corrected"


class ShipmentStatus(StrEnum):
    """Status of a shipment: that of its last event, or `created`."""

    CREATED = "created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    FAILED = "failed"
    RETURNED = "returned"


ON_THE_WAY = (
    ShipmentStatus.CREATED,
    ShipmentStatus.PICKED_UP,
    ShipmentStatus.IN_TRANSIT,
    ShipmentStatus.OUT_FOR_DELIVERY,
)
SHIPPED = (*ON_THE_WAY, ShipmentStatus.DELIVERED)
"""The goods of other shipments are back in the shop, and their lines can ship again."""
