"""SQL of order detail rows."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, select

from models.enums import OrderStatus
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from repositories.base_repository_impl import BaseRepository, Changes, Values, changes_of, is_storable_key
from repositories.queries.insert import RETURN
from repositories.queries.statement import ClientKey, Statement

# The row of a popular product is locked for the length of this one statement, not over several trips.
_SELL = f"""
    WITH open_order AS (
        SELECT id_key FROM orders
        WHERE id_key = %(order_id)s AND status IN ({OrderStatus.PENDING:d}, {OrderStatus.IN_PROGRESS:d}) FOR SHARE
    ), sold AS (
        UPDATE products SET stock = stock - %(quantity)s
        WHERE id_key = %(product_id)s AND stock >= %(quantity)s
          AND price = coalesce(cast(%(price)s AS numeric), price) AND EXISTS (SELECT FROM open_order)
        RETURNING id_key, price, stock
    ), made AS (
        INSERT INTO order_details (quantity, price, order_id, product_id)
        SELECT %(quantity)s, price, %(order_id)s, id_key FROM sold
        RETURNING
"""  # noqa: S608 # the statuses are constants


class OrderDetailRepository(BaseRepository[OrderDetailModel]):
    model = OrderDetailModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.id_key == OrderDetailModel.order_id, OrderModel.client_id == client_id)

    @classmethod
    def creation(cls, values: Values, fields: tuple[str, ...]) -> Statement:
        """Takes stock and makes the detail, unless the order is not open, or the product does not exist, has not the
        stock, or not the price if one is given. Returns the stock that is left after the `fields`.
        """
        return Statement(_sell_sql(fields), {"price": None, **values}, is_prepared=True)

    @classmethod
    def changes_by(cls, values: Values, rows: Sequence[Sequence[Any]]) -> Changes:
        changes, product_id = super().changes_by(values, rows), values["product_id"]
        changes.rows[ProductModel.__tablename__].add(product_id)
        for row in rows:
            changes.stock[product_id] = (row[-1] + values["quantity"], row[-1])
        return changes

    def sell(self, values: Values, fields: tuple[str, ...]) -> Row[Any] | None:
        """What `creation` returns."""
        if not (is_storable_key(values["order_id"]) and is_storable_key(values["product_id"])):
            return None
        row = self.run(self.creation(values, fields)).one_or_none()
        if row is not None:
            changes_of(self.session).add(self.changes_by(values, [row]))
        return row

    def held(self, order_id: int) -> dict[int, int]:
        """The quantity of each product in an order."""
        statement = (
            select(OrderDetailModel.product_id, func.sum(OrderDetailModel.quantity))
            .where(OrderDetailModel.order_id == order_id)
            .group_by(OrderDetailModel.product_id)
        )
        return {product_id: int(quantity) for product_id, quantity in self.session.execute(statement)}

    def remove_all(self, order_id: int) -> None:
        """Remove an order's details; their stock is the caller's to put back."""
        self.session.execute(delete(OrderDetailModel).where(OrderDetailModel.order_id == order_id))


@cache
def _sell_sql(fields: tuple[str, ...]) -> str:
    return f"{_SELL} {', '.join(fields)}, (SELECT stock FROM sold)){RETURN}"  # noqa: S608 # fields of the schema
