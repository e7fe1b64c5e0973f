"""SQL of order rows, of their totals, and of the status history that a database trigger writes."""

from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, update

from models.bill import BillModel
from models.enums import OrderStatus
from models.order import OrderModel, OrderStatusChangeModel
from models.order_detail import OrderDetailModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import ClientKey, Statement, compiled
from schemas.base_schema import is_storable_key

_change: Any = OrderStatusChangeModel
_HISTORY = compiled(
    select(_change.from_status, _change.to_status, _change.changed_at)
    .where(_change.order_id == bindparam("order_id"))
    .order_by(_change.id_key)
)
_SUMMARY = compiled(
    select(
        func.count(), func.coalesce(func.sum(OrderModel.total), literal_column("0")), func.max(OrderModel.date)
    ).where(
        OrderModel.client_id == bindparam("client_id"), OrderModel.status != literal_column(f"{OrderStatus.CANCELED:d}")
    )
)


class Sums(NamedTuple):
    """Number of an order's details, their sum of price times quantity, and the discount of its bill."""

    details: int
    amount: Decimal
    discount: Decimal


class OrderRepository(BaseRepository[OrderModel]):
    model = OrderModel

    def lock_checkout(self, bill_id: int, client_id: int | None = None) -> OrderModel | None:
        """Lock and return the order that a checkout placed together with the bill, if any: see `lock`."""
        if not is_storable_key(bill_id):
            return None
        owner = [] if client_id is None else [self.owner_filter(client_id)]
        statement = (
            select(OrderModel)
            .where(OrderModel.bill_id == bill_id, OrderModel.checkout_lines.is_not(None), *owner)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return self.session.scalars(statement).one_or_none()

    def sums(self, order: OrderModel) -> Sums:
        """Sum up the details. They and the discount of a checkout change only under the lock of the order."""
        discount = select(BillModel.discount).where(BillModel.id_key == order.bill_id).scalar_subquery()
        amount = func.coalesce(func.sum(OrderDetailModel.quantity * OrderDetailModel.price), literal_column("0"))
        statement = select(func.count(), amount, discount).where(OrderDetailModel.order_id == order.id_key)
        return Sums(*self.session.execute(statement).one())

    def set_total(self, order: OrderModel, total: Decimal) -> None:
        """Write the total of the locked order and of its bill."""
        self.session.execute(update(BillModel).where(BillModel.id_key == order.bill_id).values(total=total))
        self.tx.changes.rows[BillModel.__tablename__].add(order.bill_id)
        self.update(order, {"total": total})

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return OrderModel.client_id == client_id

    @staticmethod
    def history(order_id: int) -> Statement:
        """Return the statement that reads an order's status changes, oldest first."""
        return Statement(_HISTORY, {"order_id": order_id}, is_prepared=True)

    @staticmethod
    def summary(client_id: int) -> Statement:
        """Return the statement that sums up a client's orders without the canceled ones."""
        return Statement(_SUMMARY, {"client_id": client_id})
