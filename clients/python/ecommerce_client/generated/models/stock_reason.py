from enum import StrEnum


class StockReason(StrEnum):
    CORRECTED = "corrected"
    COUNTED = "counted"
    DAMAGED = "damaged"
    INITIAL = "initial"
    RECEIVED = "received"
    RESTORED = "restored"
    RETURNED = "returned"
    SOLD = "sold"

    def __str__(self) -> str:
        return str(self.value)
