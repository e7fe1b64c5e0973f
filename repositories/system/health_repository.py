"""SQL of the figures that health checks and metrics show."""

from models.enums import OperationStatus, PaymentStatus
from repositories.statements.statement import Statement

_LOW_STOCK = "SELECT count(*) FROM products WHERE stock <= %(threshold)s AND NOT archived"
_FIGURES = {
    "payments_pending_over_minute": f"""
        SELECT count(*) FROM payments WHERE settle_at IS NOT NULL AND (
            payments.status = '{PaymentStatus.PENDING}' AND NOT awaits_customer
                AND payments.created_at < now() - interval '1 minute'
            OR EXISTS (
                SELECT FROM payment_operations AS operations
                WHERE payment_id = payments.id_key AND operations.status = '{OperationStatus.PENDING}'
                    AND operations.created_at < now() - interval '1 minute'
            )
        )
    """,
    "events_unpublished_seconds": """
        SELECT extract(epoch FROM clock_timestamp() - created_at) FROM event_queue ORDER BY id_key LIMIT 1
    """,
    "webhook_deliveries_waiting": """
        SELECT count(*) FROM (
            SELECT FROM webhook_deliveries JOIN webhook_endpoints ON webhook_endpoints.id_key = endpoint_id AND enabled
            WHERE status = 'waiting' LIMIT 10000
        ) AS waiting
    """,
    "webhook_oldest_waiting_seconds": """
        SELECT extract(epoch FROM clock_timestamp() - min(oldest.created_at)) FROM webhook_endpoints AS endpoint
        CROSS JOIN LATERAL (
            SELECT created_at FROM webhook_deliveries WHERE endpoint_id = endpoint.id_key AND status = 'waiting'
            ORDER BY position LIMIT 1
        ) AS oldest WHERE enabled
    """,
}
FIGURES = tuple(_FIGURES)
"""Names of the columns of `figures`, which are also those of the metrics."""


def low_stock(threshold: int) -> Statement:
    """Return the statement that counts products to reorder. It proves that the database answers, too."""
    return Statement(_LOW_STOCK, {"threshold": threshold})


def figures() -> Statement:
    """Return the statement that reads `FIGURES`, null for a duration of nothing."""
    return Statement(f"SELECT {', '.join(f'({sql})' for sql in _FIGURES.values())}", {})  # constants
