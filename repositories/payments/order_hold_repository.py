"""SQL of unpaid orders that are canceled, and of the time since which they are."""

from sqlalchemy import text

from models.enums import OrderStatus, PaymentStatus, PaymentType
from repositories.statements.statement import Statement
from repositories.transaction import Transaction

_KEPT = (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED)
# The range of pending orders is read in the order of their keys, so the oldest come first.
_UNPAID = f"""
    SELECT orders.id_key FROM orders JOIN bills ON bills.id_key = bill_id CROSS JOIN order_hold
    WHERE orders.status = {OrderStatus.PENDING:d} AND orders.total > 0 AND payment_type <> '{PaymentType.CASH}'
        AND orders.created_at >= enabled_at
        AND orders.created_at < clock_timestamp() - make_interval(mins => %(minutes)s)
        AND NOT EXISTS (
            SELECT FROM payments
            WHERE order_id = orders.id_key AND payments.status IN ({", ".join(f"'{status}'" for status in _KEPT)})
        )
"""
_BATCH = f"{_UNPAID} ORDER BY orders.status, orders.id_key LIMIT %(limit)s"
_ONE = f"{_UNPAID} AND orders.id_key = %(id_key)s"


class OrderHoldRepository:
    def __init__(self, tx: Transaction) -> None:
        self.session = tx.session

    @staticmethod
    def unpaid(minutes: int, limit: int) -> Statement:
        """Return the statement that finds orders that nobody has paid in time, oldest first."""
        return Statement(_BATCH, {"minutes": minutes, "limit": limit})

    def is_unpaid(self, order_id: int, minutes: int) -> bool:
        """Return True if the order has to be canceled. It is locked, so no payment can begin meanwhile."""
        parameters = {"minutes": minutes, "id_key": order_id}
        return self.session.connection().exec_driver_sql(_ONE, parameters).first() is not None

    def enable(self, *, is_on: bool) -> None:
        """Note the time since which unpaid orders are canceled, unless it is noted; or forget it."""
        enable = "INSERT INTO order_hold DEFAULT VALUES ON CONFLICT DO NOTHING"
        self.session.execute(text(enable if is_on else "DELETE FROM order_hold"))
