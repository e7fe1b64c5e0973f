"""Rules of orders that several services share: closed orders are read-only, and totals of checkouts add up.

The total of a checkout order = the total of its bill = the sum of price times quantity - the discount.
"""

from decimal import Decimal

from models.enums import OrderStatus
from models.order import OrderModel
from repositories.order_repository import OrderRepository
from repositories.transaction import Transaction
from schemas.types.money import MAX_MONEY
from services.exceptions import ConflictError, NotFoundError, RejectedError


def lock_order(tx: Transaction, id_key: int, client_id: int | None = None) -> OrderModel:
    """Lock the order, if it is the client's. Raises NotFoundError."""
    order = OrderRepository(tx).lock(id_key, client_id)
    if order is None:
        raise NotFoundError(OrderModel.entity_name(), id_key)
    return order


def check_open(order: OrderModel, what: str = "it") -> None:
    """Raise ConflictError if the order is closed; `what` names the part of it that would change."""
    status = OrderStatus(order.status)
    if not status.is_open:
        raise ConflictError(f"Order {order.id_key} is {status.name}: {what} can no longer change")


def check_unpaid(order: OrderModel, what: str = "its total") -> None:
    """Raise ConflictError if the locked order has payments; `what` names the part of it that would change."""
    if order.payments_total:
        raise ConflictError(f"Order {order.id_key} has payments: {what} can no longer change")


def net_total(amount: Decimal, discount: Decimal) -> Decimal:
    """Return the total. Raises RejectedError if the discount is above the sum, or the total above the limit."""
    if discount > amount:
        raise RejectedError(f"Discount {discount:.2f} is above the sum {amount:.2f}")
    if amount - discount > MAX_MONEY:
        raise RejectedError(f"Total {amount - discount:.2f} is above the limit {MAX_MONEY}")
    return amount - discount


def add_to_totals(tx: Transaction, order: OrderModel, amount: Decimal, *, loses_detail: bool = False) -> None:
    """Change the totals of a checkout order before its details change by `amount`. The order is locked.

    Raises RejectedError as `net_total` does, and ConflictError if the order would lose its last detail or has payments.
    """
    if not order.is_checkout:
        return
    if amount:
        check_unpaid(order)
    sums = OrderRepository(tx).sums(order)
    if loses_detail and sums.details == 1:
        raise ConflictError(f"Order {order.id_key} keeps its last detail: cancel the order instead")
    OrderRepository(tx).set_total(order, net_total(sums.amount + amount, sums.discount))
