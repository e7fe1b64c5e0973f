"""SQL of product rows, and the only statements that move stock."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Integer, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from models.product import ProductModel
from repositories.base_repository_impl import BaseRepository, Values, changes_of, is_storable_key

_moved = (
    func.unnest(bindparam("id_keys", type_=ARRAY(Integer)), bindparam("amounts", type_=ARRAY(Integer)))
    .table_valued("id_key", "amount")
    .render_derived(name="moved")
)
_products: Any = ProductModel.__table__  # the entity would have the ORM take part, for twice the time
_MOVE_STOCK = (
    update(_products)
    .where(_products.c.id_key == _moved.c.id_key)
    .values(stock=_products.c.stock + _moved.c.amount)
    .returning(_products.c.id_key, _products.c.stock)
)


class ProductRepository(BaseRepository[ProductModel]):
    model = ProductModel

    def lock_all(self, id_keys: Iterable[int]) -> dict[int, ProductModel]:
        """Those of the products that exist, as they are now, locked in the order of their keys with one statement."""
        statement = (
            select(ProductModel)
            .where(ProductModel.id_key.in_([id_key for id_key in set(id_keys) if is_storable_key(id_key)]))
            .order_by(ProductModel.id_key)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return {product.id_key: product for product in self.session.scalars(statement)}

    def move_stock(self, quantities: Mapping[int, int]) -> None:
        """Add each product's quantity (negative: take) to its stock with one statement. The rows must be locked.

        A CHECK constraint of the table keeps stock from falling below 0.
        """
        if not quantities:
            return
        moved = {"id_keys": list(quantities), "amounts": list(quantities.values())}
        for id_key, stock in self.session.execute(_MOVE_STOCK, moved):
            self.stock_moved(id_key, stock - quantities[id_key], stock)

    def update(self, instance: ProductModel, values: Values) -> ProductModel:
        before = instance.stock
        product = super().update(instance, values)
        self.stock_moved(product.id_key, before, product.stock)
        return product

    def stock_moved(self, id_key: int, before: int, after: int) -> None:
        """Note a change of stock for what happens after the commit."""
        self.changed(id_key)
        changes_of(self.session).stock[id_key] = (before, after)

    def forget_supplied(self, quantities: Mapping[int, int]) -> None:
        """Take what left with a delivered order that is deleted out of what was put in."""
        for product in self.lock_all(quantities).values():
            product.supplied -= quantities[product.id_key]
        self.session.flush()
