"""SQL of product rows, and the statements that move stock of several products."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, text

from models.enums import StockReason
from models.product import ProductModel
from repositories.base_repository_impl import BaseRepository
from repositories.stock_movement_repository import StockChange
from repositories.transaction import Values
from schemas.base_schema import is_storable_key

# The identity of a movement is assigned when the row of its product is locked already. Lines of one
# product share its last stock: before it come the amounts of its later lines.
_MOVE_STOCK = text(f"""
    WITH line AS (
        SELECT * FROM unnest(
            cast(:product_ids AS bigint[]), cast(:quantities AS bigint[]), cast(:details AS bigint[])
        ) WITH ORDINALITY AS line (product_id, quantity, order_detail_id, place)
    ), moved AS (
        UPDATE products SET stock = products.stock + total.quantity, recorded_changes = recorded_changes + 1
        FROM (SELECT product_id, sum(quantity) AS quantity FROM line GROUP BY product_id) AS total
        WHERE products.id_key = total.product_id AND products.id_key = ANY (cast(:product_ids AS bigint[]))
        RETURNING products.id_key, products.stock, total.quantity
    ), recorded AS (
        INSERT INTO stock_movements (product_id, quantity, stock_after, reason, order_detail_id)
        SELECT product_id, line.quantity, stock - coalesce(sum(line.quantity) OVER later_lines, 0),
            CASE WHEN line.quantity < 0 THEN '{StockReason.SOLD}' ELSE :restored END, order_detail_id
        FROM line JOIN moved ON moved.id_key = product_id
        WINDOW later_lines AS (
            PARTITION BY product_id ORDER BY place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
        ORDER BY place
    )
    SELECT id_key, stock - quantity, stock FROM moved
""")


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

    def move_stock(self, changes: Sequence[StockChange], *, is_return: bool = False) -> None:
        """Change stock and record the movements as `sold` and `restored`, with one statement. The rows must be locked.

        Units of a return are `returned`.
        A CHECK constraint keeps stock from falling below 0.
        """
        if not changes:
            return
        product_ids, quantities, details = map(list, zip(*changes, strict=True))
        restored = StockReason.RETURNED if is_return else StockReason.RESTORED
        moved = {"restored": restored, "product_ids": product_ids, "quantities": quantities, "details": details}
        for id_key, before, after in self.session.execute(_MOVE_STOCK, moved):
            self.record_stock(id_key, int(before), after)

    def update(self, instance: ProductModel, values: Values) -> ProductModel:
        before = instance.stock
        product = super().update(instance, values)
        self.record_stock(product.id_key, before, product.stock)
        return product

    def record_stock(self, id_key: int, before: int, after: int) -> None:
        """Record a change of stock for the steps after the commit."""
        self.record_change(id_key)
        self.tx.changes.stock[id_key] = (before, after)
