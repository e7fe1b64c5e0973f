"""The part of the consistency check that compares payments with orders, bills and operations."""

from models.enums import OperationKind, OperationStatus, PaymentStatus

_OVER = f"('{PaymentStatus.FAILED}', '{PaymentStatus.CANCELED}')"
_CAPTURED = f"('{PaymentStatus.CAPTURED}', '{PaymentStatus.PARTIALLY_REFUNDED}', '{PaymentStatus.REFUNDED}')"

PAYMENTS = f"""
    SELECT 'payments', format('order %s: its payments are %s, but %s is noted', id_key, coalesce(amount, 0),
                              payments_total)
    FROM orders LEFT JOIN (
        SELECT order_id, sum(amount) AS amount FROM payments WHERE status NOT IN {_OVER} GROUP BY order_id
    ) AS paid ON order_id = id_key
    WHERE payments_total <> coalesce(amount, 0)
    UNION ALL
    SELECT 'payments', format('bill %s: the payments of its orders are %s, but %s is noted', id_key,
                              coalesce(amount, 0), payments_total)
    FROM bills LEFT JOIN (
        SELECT bill_id, sum(payments_total) AS amount FROM orders WHERE payments_total <> 0 GROUP BY bill_id
    ) AS paid ON bill_id = id_key
    WHERE payments_total <> coalesce(amount, 0)
    UNION ALL
    SELECT 'payments', format('%s %s: payments of %s, but a total of %s', kind, id_key, payments_total, total)
    FROM (
        SELECT 'order' AS kind, id_key, payments_total, total FROM orders
        UNION ALL SELECT 'bill', id_key, payments_total, total FROM bills
    ) AS payable
    WHERE payments_total > total
    UNION ALL
    SELECT 'payments', format('payment %s: %s of %s refunded, but it is %s', id_key, refunded, amount, status)
    FROM payments
    WHERE status IN {_CAPTURED} AND status <> CASE refunded
        WHEN 0 THEN '{PaymentStatus.CAPTURED}'
        WHEN amount THEN '{PaymentStatus.REFUNDED}'
        ELSE '{PaymentStatus.PARTIALLY_REFUNDED}'
    END OR status NOT IN {_CAPTURED} AND refunded <> 0
    UNION ALL
    SELECT 'payments', format('payment %s: %s refunded, but its refunds are %s', payments.id_key, refunded,
                              sum(operations.amount))
    FROM payments JOIN payment_operations AS operations ON payment_id = payments.id_key
    WHERE payments.status IN {_CAPTURED} AND kind = '{OperationKind.REFUND}'
        AND operations.status = '{OperationStatus.DONE}'
    GROUP BY payments.id_key HAVING sum(operations.amount) > refunded
"""
