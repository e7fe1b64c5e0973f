"""Payments and a webhook endpoint of the demo shop, written by statements because triggers complete them."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from models.enums import OrderStatus
from services.webhooks.messages import new_secret

SENT_EVENT = "category.created"
# No message goes to its address, because it is disabled.
ENDPOINT = """
    INSERT INTO webhook_endpoints (url, event_types, description, secret)
    VALUES ('https://example.com/webhooks', %s, 'Demo, disabled', %s) RETURNING id_key
"""
SENT = """
    UPDATE webhook_deliveries SET status = 'sent', attempts = 1, response_status = 204, next_attempt_at = NULL,
        first_attempt_at = now(), last_attempt_at = now()
    WHERE endpoint_id = %s
"""


def add_payments(cursor: Cursor, first: int, last: int) -> int:
    """Pay the delivered ones of the orders, and return the number of payments."""
    cursor.execute(
        "INSERT INTO payments (order_id, amount, status, provider, key, created_at) "
        "SELECT id_key, total, 'captured', 'manual', gen_random_uuid(), date FROM orders "
        "WHERE id_key BETWEEN %s AND %s AND status = %s AND total > 0 ORDER BY id_key",
        [first, last, OrderStatus.DELIVERED],
    )
    return cursor.rowcount


def add_webhook(cursor: Cursor, low_stock: int) -> int:
    """Add an endpoint with deliveries of the first events, and return the number of rows.

    It publishes events. `low_stock` is the stock at or below which a product is low.
    """
    cursor.execute(ENDPOINT, [[SENT_EVENT], new_secret()])
    [[endpoint]] = cursor.fetchall()
    cursor.execute("SELECT publish_events(%s, true)", [low_stock])
    cursor.execute("UPDATE webhook_endpoints SET enabled = false WHERE id_key = %s", [endpoint])
    cursor.execute(SENT, [endpoint])
    return 1 + cursor.rowcount
