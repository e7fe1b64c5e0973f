"""SQL of product rows, and the statements that move stock of several products."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from models.product import ProductModel
from repositories.base_repository_impl import BaseRepository, is_storable_key
from repositories.transaction import Values

_moved = (
    func.unnest(bindparam("id_keys", type_=ARRAY(BigInteger)), bindparam("amounts", type_=ARRAY(BigInteger)))
    .table_valued("id_key", "amount")
    .render_derived(name="moved")
)
_products: Any = ProductModel.__table__  # an entity would involve the ORM, at twice the time
_MOVE_STOCK = (
    update(_products)
    .where(_products.c.id_key == _moved.c.id_key)
    .values(stock=_products.c.stock + _moved.c.amount)
    .returning(_products.c.id_key, _products.c.stock)
)


class ProductRepository(BaseRepository[ProductModel]):
    model = ProductModel

    def lock_all(self, id_keys: Iterable[int]) -> dict[int, ProductModel]:
        """Lock the products in the order of their keys, with one statement, and return those that exist by key."""
        statement = (
            select(ProductModel)
            .where(ProductModel.id_key.in_([id_key for id_key in set(id_keys) if is_storable_key(id_key)]))
            .order_by(ProductModel.id_key)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return {product.id_key: product for product in self.session.scalars(statement)}

    def move_stock(self, quantities: Mapping[int, int]) -> None:
        """Add each quantity (negative: take) to the product's stock with one statement. The rows must be locked.

        A CHECK constraint keeps stock from falling below 0.
        """
        if not quantities:
            return
        moved = {"id_keys": list(quantities), "amounts": list(quantities.values())}
        for id_key, stock in self.session.execute(_MOVE_STOCK, moved):
            self.record_stock(id_key, stock - quantities[id_key], stock)

    def update(self, instance: ProductModel, values: Values) -> ProductModel:
        before = instance.stock
        product = super().update(instance, values)
        self.record_stock(product.id_key, before, product.stock)
        return product

    def record_stock(self, id_key: int, before: int, after: int) -> None:
        """Record a change of stock for the steps after the commit."""
        self.record_change(id_key)
        self.tx.changes.stock[id_key] = (before, after)

    def forget_supplied(self, quantities: Mapping[int, int]) -> None:
        """Reduce `supplied` by the quantities of a delivered order that is deleted. Locks the products."""
        for product in self.lock_all(quantities).values():
            product.supplied -= quantities[product.id_key]
        self.session.flush()
