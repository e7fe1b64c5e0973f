"""SQL of order detail rows."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, insert, select, text

from models.enums import OrderStatus
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from repositories.base_repository_impl import BaseRepository, Values, fits
from repositories.product_repository import ProductRepository
from repositories.statements import ClientKey


class Sale(NamedTuple):
    id_key: int
    quantity: int
    price: Decimal
    order_id: int
    product_id: int
    stock: int


# The row of a popular product is locked for the length of this one statement, not over several trips.
_SELL = text(f"""
    WITH open_order AS (
        SELECT id_key FROM orders
        WHERE id_key = :order_id AND status IN ({OrderStatus.PENDING:d}, {OrderStatus.IN_PROGRESS:d}) FOR SHARE
    ), sold AS (
        UPDATE products SET stock = stock - :quantity
        WHERE id_key = :product_id AND stock >= :quantity
          AND price = coalesce(cast(:price AS numeric), price) AND EXISTS (SELECT FROM open_order)
        RETURNING id_key, price, stock
    )
    INSERT INTO order_details (quantity, price, order_id, product_id)
    SELECT :quantity, price, :order_id, id_key FROM sold
    RETURNING id_key, quantity, price, order_id, product_id, (SELECT stock FROM sold)
""")  # noqa: S608 # the statuses are constants


class OrderDetailRepository(BaseRepository[OrderDetailModel]):
    model = OrderDetailModel

    @staticmethod
    def owned(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.id_key == OrderDetailModel.order_id, OrderModel.client_id == client_id)

    def sell(self, values: Values) -> Sale | None:
        """Take stock and make the detail with one statement.

        None, and nothing is changed, unless the order is open and the product exists, has the stock, and the price
        when one is given.
        """
        if not (fits(values["order_id"]) and fits(values["product_id"])):
            return None
        ProductRepository(self.session).changed(values["product_id"])
        row = self.session.execute(_SELL, {"price": None, **values}).one_or_none()
        if row is None:
            return None
        sale = Sale(*row)
        ProductRepository(self.session).stock_moved(sale.product_id, sale.stock + sale.quantity, sale.stock)
        self.changed(sale.id_key)
        return sale

    def save_all(self, rows: Sequence[Values]) -> Sequence[OrderDetailModel]:
        """Make all details of an order with one statement, in the order given."""
        statement = insert(OrderDetailModel).returning(OrderDetailModel, sort_by_parameter_order=True)
        return self.session.scalars(statement, list(rows)).all()

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
