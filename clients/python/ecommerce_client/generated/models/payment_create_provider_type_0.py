from enum import StrEnum


class PaymentCreateProviderType0(StrEnum):
    MANUAL = "manual"
    STRIPE = "stripe"

    def __str__(self) -> str:
        return str(self.value)
