from enum import StrEnum


class ShipmentEventCreateStatus(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    PICKED_UP = "picked_up"
    RETURNED = "returned"

    def __str__(self) -> str:
        return str(self.value)
