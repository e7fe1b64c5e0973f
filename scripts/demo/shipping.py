"""Shipping addresses, shipments and returns of the demo shop's orders, written by statements."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from models.enums import OrderStatus, ReturnStatus
from repositories.fulfillment.credit_note_repository import NUMBERED

ADDRESSES = """
    INSERT INTO shipping_addresses (order_id, address_id, street, number, city, client_id)
    SELECT DISTINCT ON (orders.id_key) orders.id_key, addresses.id_key, street, number, city, client_id
    FROM orders JOIN addresses USING (client_id) WHERE orders.id_key BETWEEN %s AND %s
    ORDER BY orders.id_key, addresses.id_key
"""
SHIPMENTS = """
    WITH made AS (
        INSERT INTO shipments (order_id, carrier, tracking_number, status, created_at)
        SELECT orders.id_key, 'DHL', 'JD' || 14600000 + orders.id_key,
            CASE status WHEN %(delivered)s THEN 'delivered' ELSE 'picked_up' END, changed_at
        FROM orders JOIN order_status_changes ON order_id = orders.id_key AND to_status = %(in_progress)s
        WHERE orders.id_key BETWEEN %(first)s AND %(last)s AND status IN (%(in_progress)s, %(delivered)s)
        ORDER BY orders.id_key RETURNING id_key, order_id, created_at
    ), lines AS (
        INSERT INTO shipment_lines (shipment_id, order_detail_id, quantity)
        SELECT made.id_key, details.id_key, quantity FROM made JOIN order_details AS details USING (order_id)
    ), events AS (
        INSERT INTO shipment_events (shipment_id, status, location, occurred_at, created_at)
        SELECT id_key, 'picked_up', 'Leipzig', created_at, created_at FROM made UNION ALL
        SELECT made.id_key, 'delivered', NULL, changed_at, changed_at
        FROM made JOIN order_status_changes USING (order_id) WHERE to_status = %(delivered)s
    )
    SELECT count(*) FROM made
"""
RETURNS = (
    (3, 0, ReturnStatus.REQUESTED),
    (3, 1, ReturnStatus.APPROVED),
    (4, 0, ReturnStatus.RECEIVED),
    (4, 1, ReturnStatus.REFUNDED),
)
"""One for each step: order and line, counted from 0, and status. The orders are delivered and paid."""
RETURN = """
    WITH line AS (
        SELECT details.id_key, order_id, trunc(price * orders.total / (orders.total + discount), 2) AS amount,
            least(orders.date + interval '14 days', now()) AS requested_at
        FROM order_details AS details JOIN orders ON orders.id_key = order_id JOIN bills ON bills.id_key = bill_id
        WHERE order_id = %s ORDER BY details.id_key OFFSET %s LIMIT 1
    ), made AS (
        INSERT INTO returns (order_id, status, reason, amount, created_at)
        SELECT order_id, %s, 'Too small', amount, requested_at FROM line RETURNING id_key
    )
    INSERT INTO return_lines (return_id, order_detail_id, quantity) SELECT made.id_key, line.id_key, 1 FROM made, line
"""
REFUND = f"""
    WITH refunded AS (
        SELECT returns.id_key AS return_id, returns.amount, payments.id_key AS payment_id, bill_id
        FROM returns JOIN payments USING (order_id) JOIN orders ON orders.id_key = order_id
        WHERE returns.status = 'refunded' AND order_id = %s
    ), paid_back AS (
        UPDATE payments SET refunded = refunded.amount, status = 'partially_refunded'
        FROM refunded WHERE payments.id_key = payment_id
    ), operation AS (
        INSERT INTO payment_operations (payment_id, kind, amount, status, key, return_id)
        SELECT payment_id, 'refund', amount, 'done', gen_random_uuid(), return_id FROM refunded
    ), {NUMBERED}
    INSERT INTO credit_notes (number, bill_id, return_id, amount)
    SELECT number, bill_id, return_id, amount FROM refunded, numbered
"""  # noqa: S608 # constants


def add_shipments(cursor: Cursor, first: int, last: int) -> int:
    """Give the orders their addresses, ship those in progress or delivered, and return the number of shipments."""
    statuses = {"in_progress": OrderStatus.IN_PROGRESS, "delivered": OrderStatus.DELIVERED}
    cursor.execute(ADDRESSES, [first, last])
    cursor.execute(SHIPMENTS, {"first": first, "last": last, **statuses})
    [[shipments]] = cursor.fetchall()
    return int(shipments)


def add_returns(cursor: Cursor, first_order: int) -> int:
    """Add a return for each step, the last with its credit note, and return the number of returns."""
    for order, line, status in RETURNS:
        cursor.execute(RETURN, [first_order + order, line, status])
    cursor.execute(REFUND, [first_order + RETURNS[-1][0]])
    return len(RETURNS)
