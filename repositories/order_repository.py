"""SQL of order rows, and of the status history that a database trigger writes."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select

from models.enums import OrderStatus
from models.order import OrderModel, OrderStatusChangeModel
from repositories.base_repository_impl import BaseRepository
from repositories.queries.statement import ClientKey, Statement, compiled

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


class OrderRepository(BaseRepository[OrderModel]):
    model = OrderModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return OrderModel.client_id == client_id

    @staticmethod
    def history(order_id: int) -> Statement:
        """Return the statement that reads an order's status changes, oldest first."""
        return Statement(_HISTORY, {"order_id": order_id})

    @staticmethod
    def summary(client_id: int) -> Statement:
        """Return the statement that sums up a client's orders without the canceled ones."""
        return Statement(_SUMMARY, {"client_id": client_id})
