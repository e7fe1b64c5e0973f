from enum import StrEnum


class WebhookEndpointsDeliveriesStatus(StrEnum):
    FAILED = "failed"
    SENT = "sent"
    WAITING = "waiting"

    def __str__(self) -> str:
        return str(self.value)
