"""Consistency check: one query compares stock, ledger, orders, bills, payments, shipments, returns, and both logs.

It also finds products that a search would miss.
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from models.enums import OrderStatus, StockReason
from repositories.checks.event_check import EVENTS
from repositories.checks.payment_check import PAYMENTS
from repositories.checks.return_check import RETURNS
from repositories.checks.shipping_check import SHIPMENTS

CHECKS = (
    *("stock", "ledger", "sales", "totals", "statuses", "bill owners", "bill numbers"),
    *("payments", "shipments", "returns", "events", "audit log", "words"),
)


class Disagreement(NamedTuple):
    """`check` is one of `CHECKS`."""

    check: str
    problem: str


# One statement sees one snapshot, so it may run while orders are placed. Sales are compared since the beginning of the
# ledger. The version before it, which may run during an upgrade, sells without naming the detail: `corrected` in the
# same transaction.
_CONSISTENCY_CHECK = text(f"""
    WITH ledger AS (
        SELECT product_id, sum(quantity) AS quantity, min(id_key) FILTER (WHERE stock_after <> so_far) AS first_wrong
        FROM (
            SELECT *, sum(quantity) OVER (PARTITION BY product_id ORDER BY id_key) AS so_far FROM stock_movements
        ) AS movements
        GROUP BY product_id
    ), sold AS (
        SELECT order_detail_id, product_id, -sum(quantity) AS quantity
        FROM stock_movements WHERE reason IN ('{StockReason.SOLD}', '{StockReason.RESTORED}')
        GROUP BY order_detail_id, product_id
    ), held AS (
        SELECT details.id_key, product_id, details.created_at,
            CASE status WHEN {OrderStatus.CANCELED:d} THEN 0 ELSE quantity END AS quantity
        FROM order_details AS details JOIN orders ON orders.id_key = order_id
        WHERE details.created_at >= (SELECT created_at FROM stock_movements ORDER BY id_key LIMIT 1)
    ), unnamed AS (
        SELECT DISTINCT product_id, created_at FROM stock_movements WHERE reason = '{StockReason.CORRECTED}'
    ), placed AS (
        SELECT orders.id_key, bill_id, total, coalesce(sum(quantity * price), 0) AS amount
        FROM orders LEFT JOIN order_details ON order_id = orders.id_key
        WHERE checkout_lines IS NOT NULL
        GROUP BY orders.id_key
    ), last_changes AS (
        SELECT DISTINCT ON (order_id) order_id, to_status
        FROM order_status_changes
        ORDER BY order_id, id_key DESC
    )
    SELECT 'stock', format('product %s: %s in stock, but its movements add up to %s',
                           id_key, stock, coalesce(quantity, 0))
    FROM products LEFT JOIN ledger ON product_id = id_key
    WHERE stock < 0 OR stock <> coalesce(quantity, 0)
    UNION ALL
    SELECT 'ledger', format('product %s: stock_after of movement %s is not the sum so far', product_id, first_wrong)
    FROM ledger WHERE first_wrong IS NOT NULL
    UNION ALL
    SELECT 'sales', format('order detail %s: %s units in its order, but %s in the ledger',
                           id_key, held.quantity, coalesce(sold.quantity, 0))
    FROM held LEFT JOIN sold ON order_detail_id = id_key AND sold.product_id = held.product_id
        LEFT JOIN unnamed ON unnamed.product_id = held.product_id AND unnamed.created_at = held.created_at
    WHERE held.quantity <> coalesce(sold.quantity, 0) AND (order_detail_id IS NOT NULL OR unnamed.product_id IS NULL)
    UNION ALL
    SELECT 'totals', format('order %s: total %s, but the bill has %s, and the lines %s less a discount of %s',
                            placed.id_key, placed.total, bills.total, amount, discount)
    FROM placed JOIN bills ON bills.id_key = bill_id
    WHERE placed.total <> bills.total OR placed.total <> amount - discount
    UNION ALL
    SELECT 'statuses', format('order %s: status %s, but its history ends with %s',
                              id_key, status, coalesce(to_status::text, 'nothing'))
    FROM orders LEFT JOIN last_changes ON order_id = id_key
    WHERE to_status IS DISTINCT FROM status
    UNION ALL
    SELECT 'bill owners', format('bill %s: %s orders of %s clients, %s of them placed by a checkout',
                                 bill_id, count(*), count(DISTINCT client_id), count(checkout_lines))
    FROM orders GROUP BY bill_id
    HAVING count(DISTINCT client_id) > 1 OR (count(*) > 1 AND count(checkout_lines) > 0)
    UNION ALL
    SELECT 'bill numbers', format('%s: on %s bills', bill_number, count(*))
    FROM bills GROUP BY bill_number HAVING count(*) > 1
    UNION ALL
    SELECT 'words', format('product %s: searches miss %s, which is not in product_words', min(id_key), word)
    FROM products, string_to_table(search_text, ' ') AS words (word)
    WHERE NOT EXISTS (SELECT FROM product_words AS known WHERE known.word = words.word)
    GROUP BY word
    UNION ALL
    {PAYMENTS}
    UNION ALL
    {SHIPMENTS}
    UNION ALL
    {RETURNS}
    UNION ALL
    {EVENTS}
    UNION ALL
    (SELECT 'audit log', format('batch %s, entries %s to %s: %s', number, greatest(after_id + 1, 1), last_id, problem)
    FROM (
        SELECT *, coalesce(lag(last_id) OVER (ORDER BY number), {-(2**63)}) AS after_id,
            coalesce(lag(number) OVER (ORDER BY number), 0) AS number_before,
            coalesce(lag(seal) OVER (ORDER BY number), '') AS seal_before
        FROM audit_seals
    ) AS batch, LATERAL audit_digest(after_id, last_id) AS present, LATERAL (SELECT CASE
        WHEN number <> number_before + 1 THEN 'the batch before is missing'
        WHEN seal <> audit_seal(seal_before, number, last_id, batch.entries, batch.digest) THEN 'the seal is wrong'
        WHEN removed_at IS NOT NULL AND present.entries > 0 THEN 'removed entries are there'
        WHEN removed_at IS NULL AND present.digest <> batch.digest THEN 'the entries are not those sealed'
    END) AS verdict (problem)
    WHERE problem IS NOT NULL ORDER BY number LIMIT 1)
""")


def disagreements(connection: Connection) -> list[Disagreement]:
    """Run the check and return its findings: none if all figures agree."""
    return [Disagreement(*row) for row in connection.execute(_CONSISTENCY_CHECK)]
