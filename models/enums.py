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
