"""The part of the consistency check that compares returns with orders, ledger, refunds and credit notes."""

from models.enums import OrderStatus, PaymentStatus, ReturnStatus, StockReason

_CAPTURED = f"('{PaymentStatus.CAPTURED}', '{PaymentStatus.PARTIALLY_REFUNDED}', '{PaymentStatus.REFUNDED}')"

RETURNS = f"""
    SELECT 'returns', format('order detail %s: %s units returned, but %s ordered',
                             details.id_key, sum(lines.quantity), details.quantity)
    FROM return_lines AS lines JOIN returns ON returns.id_key = return_id
        JOIN order_details AS details ON details.id_key = order_detail_id
    WHERE returns.status <> '{ReturnStatus.REJECTED}'
    GROUP BY details.id_key HAVING sum(lines.quantity) > details.quantity
    UNION ALL
    SELECT 'returns', format('return %s: order %s has status %s', returns.id_key, order_id, orders.status)
    FROM returns JOIN orders ON orders.id_key = order_id
    WHERE orders.status <> {OrderStatus.DELIVERED:d}
    UNION ALL
    SELECT 'returns', format('return %s: order detail %s is in another order', return_id, order_detail_id)
    FROM return_lines JOIN returns ON returns.id_key = return_id
        JOIN order_details AS details ON details.id_key = order_detail_id
    WHERE details.order_id <> returns.order_id
    UNION ALL
    SELECT 'returns', format('order detail %s: %s units restocked, but %s in the ledger',
                             order_detail_id, coalesce(restocked.quantity, 0), coalesce(recorded.quantity, 0))
    FROM (
        SELECT order_detail_id, sum(quantity) AS quantity FROM return_lines JOIN returns ON id_key = return_id
        WHERE is_restocked GROUP BY order_detail_id
    ) AS restocked FULL JOIN (
        SELECT order_detail_id, sum(quantity) AS quantity FROM stock_movements
        WHERE reason = '{StockReason.RETURNED}' GROUP BY order_detail_id
    ) AS recorded USING (order_detail_id)
    WHERE restocked.quantity IS DISTINCT FROM recorded.quantity
    UNION ALL
    SELECT 'returns', format('return %s: %s, with %s credit notes', returns.id_key, status, count(notes.id_key))
    FROM returns LEFT JOIN credit_notes AS notes ON return_id = returns.id_key
    GROUP BY returns.id_key
    HAVING count(notes.id_key) <> CASE status WHEN '{ReturnStatus.REFUNDED}' THEN 1 ELSE 0 END
    UNION ALL
    SELECT 'returns', format('order %s: %s credited, but %s paid', order_id, credited, coalesce(paid, 0))
    FROM (
        SELECT order_id, sum(notes.amount) AS credited
        FROM credit_notes AS notes JOIN returns ON returns.id_key = return_id GROUP BY order_id
    ) AS credits LEFT JOIN (
        SELECT order_id, sum(amount) AS paid FROM payments WHERE status IN {_CAPTURED} GROUP BY order_id
    ) AS payments USING (order_id)
    WHERE credited > coalesce(paid, 0)
    UNION ALL
    SELECT 'returns', format('%s: %s numbers, but %s credit notes', year, last_number, count(notes.id_key))
    FROM credit_note_numbers LEFT JOIN credit_notes AS notes ON starts_with(number, 'CN-' || year || '-')
    GROUP BY year HAVING last_number <> count(notes.id_key)
"""
