"""SQL of webhooks: endpoints, their deliveries, and the claims of the workers that send them."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func

from models.events.webhook import POSITIONS, WebhookDeliveryModel, WebhookEndpointModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import Statement

OVERLAP = timedelta(hours=24)
CLAIM_SECONDS = 20
PATIENCE = timedelta(hours=24)
"""Age of the first attempt at which a delivery fails."""

# An insert that meets a claim waits for its row, and then sees whether it has ended meanwhile.
_CLAIM = f"""
    INSERT INTO webhook_claims (endpoint_id, claimed_by, claimed_until)
    SELECT endpoint.id_key, cast(%(worker)s AS uuid), now() + interval '{CLAIM_SECONDS} seconds'
    FROM webhook_endpoints AS endpoint
    CROSS JOIN LATERAL (
        SELECT next_attempt_at FROM webhook_deliveries
        WHERE endpoint_id = endpoint.id_key AND status = 'waiting' ORDER BY position LIMIT 1
    ) AS next
    LEFT JOIN webhook_claims AS claim ON claim.endpoint_id = endpoint.id_key
    WHERE enabled AND next_attempt_at <= now() AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY next_attempt_at LIMIT %(slots)s
    ON CONFLICT (endpoint_id) DO UPDATE SET claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until
        WHERE webhook_claims.claimed_until < now()
    RETURNING endpoint_id
"""
_NEXT = f"""
    WITH kept AS (
        UPDATE webhook_claims SET claimed_until = now() + interval '{CLAIM_SECONDS} seconds'
        WHERE endpoint_id = %(endpoint_id)s AND claimed_by = cast(%(worker)s AS uuid) AND claimed_until >= now()
        RETURNING endpoint_id
    )
    SELECT next.id_key, next.attempts, url, secret,
        CASE WHEN previous_secret_until > now() THEN previous_secret END,
        event.id_key, event.type, event.created_at, event.resource, event.data
    FROM kept JOIN webhook_endpoints AS endpoint ON endpoint.id_key = kept.endpoint_id AND enabled
    CROSS JOIN LATERAL (
        SELECT id_key, event_id, attempts, next_attempt_at FROM webhook_deliveries
        WHERE endpoint_id = endpoint.id_key AND status = 'waiting' ORDER BY position LIMIT 1
    ) AS next
    JOIN events AS event ON event.id_key = next.event_id
    WHERE next_attempt_at <= now()
"""
_RELEASE = """
    DELETE FROM webhook_claims
    WHERE claimed_by = cast(%(worker)s AS uuid) AND endpoint_id = coalesce(%(endpoint_id)s, endpoint_id)
    RETURNING endpoint_id
"""
# Another worker may have made the same attempt after this one's claim had ended: then nothing is changed.
_SENT = """
    UPDATE webhook_deliveries SET status = 'sent', attempts = attempts + 1, response_status = %(response_status)s,
        error = NULL, first_attempt_at = coalesce(first_attempt_at, now()), last_attempt_at = now(),
        next_attempt_at = NULL
    WHERE id_key = %(id_key)s AND status = 'waiting' AND attempts = %(attempts)s
    RETURNING status
"""
_NOT_SENT = """
    WITH tried AS (
        SELECT id_key, coalesce(first_attempt_at, now()) AS begun FROM webhook_deliveries
        WHERE id_key = %(id_key)s AND status = 'waiting' AND attempts = %(attempts)s
    ), disabled AS (
        UPDATE webhook_endpoints SET enabled = false FROM webhook_deliveries AS delivery, tried
        WHERE %(is_gone)s AND delivery.id_key = tried.id_key AND webhook_endpoints.id_key = delivery.endpoint_id
    )
    UPDATE webhook_deliveries SET attempts = attempts + 1, response_status = %(response_status)s, error = %(error)s,
        first_attempt_at = begun, last_attempt_at = now(),
        status = CASE WHEN %(is_gone)s OR begun + %(patience)s <= now() THEN 'failed' ELSE 'waiting' END,
        next_attempt_at = CASE WHEN NOT (%(is_gone)s OR begun + %(patience)s <= now())
            THEN least(now() + %(pause)s, begun + %(patience)s) END
    FROM tried WHERE webhook_deliveries.id_key = tried.id_key
    RETURNING status
"""


class DueDelivery(NamedTuple):
    """Delivery to send, with its event and the secrets that sign it."""

    id_key: int
    attempts: int
    url: str
    secret: str
    previous_secret: str | None
    event_id: int
    event_type: str
    event_created_at: datetime
    resource: str
    data: dict[str, Any]


class WebhookEndpointRepository(BaseRepository[WebhookEndpointModel]):
    model = WebhookEndpointModel

    def rotate(self, instance: WebhookEndpointModel, secret: str) -> None:
        """Replace the secret. The previous one still signs for a day."""
        until = func.now() + OVERLAP
        self.update(
            instance,
            {"previous_secret": instance.secret, "previous_secret_until": until, "secret": secret},
        )


class WebhookDeliveryRepository(BaseRepository[WebhookDeliveryModel]):
    model = WebhookDeliveryModel

    def retry(self, instance: WebhookDeliveryModel) -> None:
        """Let a waiting delivery be tried at once, and put another one at the end of the queue."""
        values: dict[str, Any] = {"next_attempt_at": func.now()}
        if instance.status != "waiting":
            values |= {"status": "waiting", "position": POSITIONS.next_value(), "first_attempt_at": None, "attempts": 0}
        self.update(instance, values)

    @staticmethod
    def claim(worker: UUID, slots: int) -> Statement:
        """Return the statement that claims up to `slots` endpoints with due deliveries, and returns their keys."""
        return Statement(_CLAIM, {"worker": str(worker), "slots": slots})

    @staticmethod
    def next(worker: UUID, endpoint_id: int) -> Statement:
        """Return the statement that prolongs a claim and reads a `DueDelivery`. It returns no row without a claim."""
        return Statement(_NEXT, {"worker": str(worker), "endpoint_id": endpoint_id})

    @staticmethod
    def release(worker: UUID, endpoint_id: int | None = None) -> Statement:
        """Return the statement that ends the worker's claim on an endpoint, or all its claims."""
        return Statement(_RELEASE, {"worker": str(worker), "endpoint_id": endpoint_id})

    @staticmethod
    def sent(delivery: DueDelivery, response_status: int) -> Statement:
        """Return the statement that records a success, and returns the status of the delivery."""
        parameters = {"id_key": delivery.id_key, "attempts": delivery.attempts, "response_status": response_status}
        return Statement(_SENT, parameters)

    @staticmethod
    def not_sent(
        delivery: DueDelivery, error: str, response_status: int | None, pause: timedelta, *, is_gone: bool
    ) -> Statement:
        """Return the statement that records a failed attempt, and returns the status of the delivery.

        The next attempt comes after the pause; the last one when PATIENCE is over. `is_gone` disables the endpoint.
        """
        parameters = {
            "id_key": delivery.id_key,
            "attempts": delivery.attempts,
            "response_status": response_status,
            "error": error[:200],
            "is_gone": is_gone,
            "pause": pause,
            "patience": PATIENCE,
        }
        return Statement(_NOT_SENT, parameters)
