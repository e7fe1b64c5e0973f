"""SQL of order detail rows, among it the statement that sells."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select

from models.enums import OrderStatus, StockReason
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from repositories.base_repository_impl import BaseRepository, Record
from repositories.statements.statement import ClientKey, InsertStatement, typed_parameter
from repositories.stock_movement_repository import StockChange
from repositories.transaction import Changes, Values
from schemas.types.money import MAX_MONEY

# One statement instead of several trips, because the row of a popular product stays locked meanwhile. Details of a
# plain order can be added concurrently. Details of a checkout wait for each other, because its totals follow them.
_OPEN = f"id_key = %(order_id)s AND status IN ({OrderStatus.PENDING:d}, {OrderStatus.IN_PROGRESS:d})"
_STEPS = (
    f"""plain_order AS (
        SELECT id_key FROM orders WHERE {_OPEN} AND checkout_lines IS NULL FOR SHARE
    )""",
    f"""checkout_order AS (
        SELECT id_key, bill_id, total FROM orders
        WHERE {_OPEN} AND checkout_lines IS NOT NULL AND payments_total = 0 FOR NO KEY UPDATE
    )""",
    f"""sold AS (
        UPDATE products SET stock = stock - %(quantity)s, recorded_changes = recorded_changes + 1
        WHERE id_key = %(product_id)s AND stock >= %(quantity)s AND NOT archived
          AND price = coalesce(cast(%(price)s AS numeric), price)
          AND price * %(quantity)s <= (
              SELECT 'Infinity'::numeric FROM plain_order UNION ALL SELECT {MAX_MONEY} - total FROM checkout_order
          )
        RETURNING id_key, price, stock
    )""",
    """billed AS (
        UPDATE bills SET total = bills.total + sold.price * %(quantity)s FROM checkout_order, sold
        WHERE bills.id_key = checkout_order.bill_id
        RETURNING bills.total
    )""",
    """totalled AS (
        UPDATE orders SET total = billed.total FROM billed WHERE orders.id_key = %(order_id)s
    )""",
)
STOCK_AFTER = "stock_after"
_RECORDED = f"""recorded AS (
    INSERT INTO stock_movements (product_id, quantity, stock_after, reason, order_detail_id)
    SELECT product_id, -quantity, {STOCK_AFTER}, '{StockReason.SOLD}', id_key FROM made
)"""


class OrderDetailRepository(BaseRepository[OrderDetailModel]):
    model = OrderDetailModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.id_key == OrderDetailModel.order_id, OrderModel.client_id == client_id)

    @classmethod
    def insert_statement(cls, values: Values, fields: tuple[str, ...]) -> InsertStatement:
        """Return the statement that takes stock, makes the detail and adds its amount to the totals of a checkout.

        It also returns the product's `stock_after`. It refuses unless the order is open, a checkout has no payments,
        the product exists, is not archived and has the stock, the price, if given, is the product's, and the total
        stays in its limit.
        `OrderDetailService.explain_refusal` finds the reason.
        """
        values = {"price": None, **values}
        columns = (*fields, STOCK_AFTER)
        return InsertStatement(_insert_sql(tuple(values), fields), values, columns, _STEPS, (_RECORDED,))

    @classmethod
    def changes_by_insert(cls, values: Values, records: Iterable[Record]) -> Changes:
        records = list(records)
        changes, product_id = super().changes_by_insert(values, records), values["product_id"]
        changes.rows[ProductModel.__tablename__].add(product_id)
        for record in records:
            changes.stock[product_id] = (record[STOCK_AFTER] + values["quantity"], record[STOCK_AFTER])
        return changes

    def held(self, order_id: int) -> list[StockChange]:
        """Return the changes that put the units of an order back into stock."""
        detail = OrderDetailModel
        statement = (
            select(detail.product_id, detail.quantity, detail.id_key)
            .where(detail.order_id == order_id)
            .order_by(detail.id_key)
        )
        return [StockChange(*row) for row in self.session.execute(statement)]

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
