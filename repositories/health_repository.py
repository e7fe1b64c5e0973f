"""SQL of the figures that health checks and metrics show. It proves that the database answers, too."""

from models.enums import OperationStatus, PaymentStatus
from repositories.queries.statement import Statement

_READINGS = f"""
    SELECT (SELECT count(*) FROM products WHERE stock <= %(threshold)s), (
        SELECT count(*) FROM payments WHERE settle_at IS NOT NULL AND (
            payments.status = '{PaymentStatus.PENDING}' AND NOT awaits_customer
                AND payments.created_at < now() - interval '1 minute'
            OR EXISTS (
                SELECT FROM payment_operations AS operations
                WHERE payment_id = payments.id_key AND operations.status = '{OperationStatus.PENDING}'
                    AND operations.created_at < now() - interval '1 minute'
            )
        )
    )
"""


def readings(low_stock_threshold: int) -> Statement:
    """Return the statement that counts products low in stock, and payments that a provider leaves open for a minute."""
    return Statement(_READINGS, {"threshold": low_stock_threshold})
