"""SQL of order detail rows, among it the statement that sells."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select

from models.enums import OrderStatus
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from repositories.base_repository_impl import BaseRepository, Record
from repositories.queries.statement import ClientKey, InsertStatement, typed_parameter
from repositories.transaction import Changes, Values

# One statement instead of several trips: the row of a popular product stays locked for its length.
_OPEN_ORDER = f"""open_order AS (
    SELECT id_key FROM orders
    WHERE id_key = %(order_id)s AND status IN ({OrderStatus.PENDING:d}, {OrderStatus.IN_PROGRESS:d}) FOR SHARE
)"""
_SOLD = """sold AS (
    UPDATE products SET stock = stock - %(quantity)s
    WHERE id_key = %(product_id)s AND stock >= %(quantity)s
      AND price = coalesce(cast(%(price)s AS numeric), price) AND EXISTS (SELECT FROM open_order)
    RETURNING id_key, price, stock
)"""
STOCK_AFTER = "stock_after"


class OrderDetailRepository(BaseRepository[OrderDetailModel]):
    model = OrderDetailModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.id_key == OrderDetailModel.order_id, OrderModel.client_id == client_id)

    @classmethod
    def insert_statement(cls, values: Values, fields: tuple[str, ...]) -> InsertStatement:
        """Return the statement that takes stock and makes the detail. It also returns the product's `stock_after`.

        It refuses unless the order is open, the product exists and has the stock, and the price, if given, is the
        product's. `OrderDetailService.explain_refusal` finds the reason.
        """
        values = {"price": None, **values}
        columns = (*fields, STOCK_AFTER)
        return InsertStatement(_insert_sql(tuple(values), fields), values, columns, (_OPEN_ORDER, _SOLD))

    @classmethod
    def changes_by_insert(cls, values: Values, records: Iterable[Record]) -> Changes:
        records = list(records)
        changes, product_id = super().changes_by_insert(values, records), values["product_id"]
        changes.rows[ProductModel.__tablename__].add(product_id)
        for record in records:
            changes.stock[product_id] = (record[STOCK_AFTER] + values["quantity"], record[STOCK_AFTER])
        return changes

    def held(self, order_id: int) -> dict[int, int]:
        """Return the quantity of each product in an order."""
        statement = (
            select(OrderDetailModel.product_id, func.sum(OrderDetailModel.quantity))
            .where(OrderDetailModel.order_id == order_id)
            .group_by(OrderDetailModel.product_id)
        )
        return {product_id: int(quantity) for product_id, quantity in self.session.execute(statement)}

    def remove_all(self, order_id: int) -> None:
        """Remove an order's details. The caller restores their stock."""
        self.session.execute(delete(OrderDetailModel).where(OrderDetailModel.order_id == order_id))


@cache
def _insert_sql(names: tuple[str, ...], fields: tuple[str, ...]) -> str:
    table: Any = OrderDetailModel.__table__
    sources = {name: typed_parameter(table.columns[name]) for name in names} | {
        "price": "price",
        "product_id": "id_key",
    }
    return (
        f"INSERT INTO order_details ({', '.join(sources)}) SELECT {', '.join(sources.values())} FROM sold "
        f"RETURNING {', '.join(fields)}, (SELECT stock FROM sold) AS {STOCK_AFTER}"
    )
