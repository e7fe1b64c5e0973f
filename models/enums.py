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


class ReturnStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    REFUNDED = "refunded"
    REJECTED = "rejected"


class PaymentStatus(StrEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Return True if no money has been paid, and none will be."""
        return self in (PaymentStatus.FAILED, PaymentStatus.CANCELED)

    @property
    def is_captured(self) -> bool:
        """Return True if money has been paid, even if it has been refunded since."""
        return self in (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)


class OperationKind(StrEnum):
    """Change of a payment that its provider is asked for."""

    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class OperationStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
