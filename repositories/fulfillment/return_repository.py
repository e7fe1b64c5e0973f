"""SQL of returns: their lines, and the units and amounts that are left of an order."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, func, literal_column, select

from models.bill import BillModel
from models.enums import ReturnStatus
from models.fulfillment.order_return import ReturnLineModel, ReturnModel
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from repositories.base_repository_impl import BaseRepository
from repositories.fulfillment.order_lines import insert_with_lines
from repositories.statements.statement import ClientKey
from repositories.stock_movement_repository import StockChange
from repositories.transaction import Values

_ZERO: ColumnElement[int] = literal_column("0")
_line: Any = ReturnLineModel


class DeliveredDetail(NamedTuple):
    """`left` are the units that are in no return, except rejected ones."""

    id_key: int
    quantity: int
    price: Decimal
    left: int


class ReturnRepository(BaseRepository[ReturnModel]):
    """Returns change only under the lock of their order. The methods that count units and amounts need that lock."""

    model = ReturnModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.id_key == ReturnModel.order_id, OrderModel.client_id == client_id)

    def add(self, values: Values, units: Mapping[int, int]) -> ReturnModel:
        """Make a return of `units` by order detail."""
        id_key = insert_with_lines(self.session, ReturnModel, ReturnLineModel, values, units)
        self.record_change(id_key)
        return self.session.get_one(ReturnModel, id_key)

    def details(self, order_id: int) -> list[DeliveredDetail]:
        """Return the details of a delivered order with the units that can still be returned."""
        detail = OrderDetailModel
        returned = (
            select(func.coalesce(func.sum(_line.quantity), _ZERO))
            .join(ReturnModel, ReturnModel.id_key == _line.return_id)
            .where(_line.order_detail_id == detail.id_key, ReturnModel.status != ReturnStatus.REJECTED)
            .scalar_subquery()
        )
        statement = (
            select(detail.id_key, detail.quantity, detail.price, detail.quantity - returned)
            .where(detail.order_id == order_id)
            .order_by(detail.id_key)
        )
        return [DeliveredDetail(*row) for row in self.session.execute(statement)]

    def amounts(self, order: OrderModel) -> tuple[Decimal, Decimal]:
        """Return the discount of the order's bill, and the amount of its returns, except rejected ones."""
        discount = select(BillModel.discount).where(BillModel.id_key == order.bill_id).scalar_subquery()
        amount = select(discount, func.coalesce(func.sum(ReturnModel.amount), _ZERO)).where(
            ReturnModel.order_id == order.id_key, ReturnModel.status != ReturnStatus.REJECTED
        )
        found, returned = self.session.execute(amount).one()
        return Decimal(found), Decimal(returned)

    def stock_changes(self, return_id: int) -> list[StockChange]:
        """Return the changes that put the units of a return back into stock."""
        statement = (
            select(OrderDetailModel.product_id, _line.quantity, _line.order_detail_id)
            .join(OrderDetailModel, OrderDetailModel.id_key == _line.order_detail_id)
            .where(_line.return_id == return_id)
            .order_by(_line.order_detail_id)
        )
        return [StockChange(*row) for row in self.session.execute(statement)]

    def exists(self, order_id: int) -> bool:
        return bool(self.session.scalar(select(exists().where(ReturnModel.order_id == order_id))))
