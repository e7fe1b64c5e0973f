"""Messages of the Standard Webhooks specification: an event, signed with the secrets of its endpoint."""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from standardwebhooks import Webhook

from repositories.events.webhook_repository import DueDelivery
from schemas.base_schema import to_json
from services.events.event_bodies import body_of

SECRET_BYTES = 32


class Message(NamedTuple):
    body: bytes
    headers: Mapping[str, str]


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def message_of(delivery: DueDelivery, now: datetime) -> Message:
    """Return the message. All attempts of a delivery have the same id and body; `now`, in UTC, differs."""
    body = to_json(
        {
            "id_key": delivery.event_id,
            "type": delivery.event_type,
            "created_at": delivery.event_created_at,
            "resource": delivery.resource,
            "data": body_of(delivery.resource, delivery.data),
        }
    )
    name = f"evt_{delivery.event_id}"
    keys = filter(None, (delivery.secret, delivery.previous_secret))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "ecommerce-api",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(name, now, body.decode()) for key in keys),
    }
    return Message(body, headers)
