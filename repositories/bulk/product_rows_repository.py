"""SQL of many products at once: one statement for each kind of change, whatever the number of rows."""

from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from models.product import ProductModel
from repositories.base_repository_impl import Record
from repositories.product_repository import ProductRepository
from repositories.statements.recordset import recordset
from repositories.statements.statement import Statement
from schemas.base_schema import MAX_INTEGER

COLUMNS = ("name", "price", "stock", "category_id", "sku", "archived")
REQUIRED = ("name", "price", "category_id")

# The partial index of SKUs needs the condition IS NOT NULL: an empty array would not imply it.
_LOCK = """
    SELECT {} FROM products
    WHERE id_key = ANY(cast(%(id_keys)s AS bigint[])) OR sku IS NOT NULL AND sku = ANY(cast(%(skus)s AS varchar[]))
    ORDER BY id_key FOR NO KEY UPDATE
"""
_LOCK_ROWS = f"""
    SELECT FROM products JOIN {recordset(ProductModel, ("id_key",))} USING (id_key)
    ORDER BY products.id_key FOR NO KEY UPDATE OF products
"""
_LOCK_CATEGORIES = """
    SELECT id_key FROM categories WHERE id_key = ANY(cast(%(id_keys)s AS bigint[])) ORDER BY id_key FOR KEY SHARE
"""
_CLEAR_SKUS = "UPDATE products SET sku = NULL WHERE id_key = ANY(cast(%(id_keys)s AS bigint[]))"
# The keys are assigned in the order of the lines.
_INSERT = f"""
    INSERT INTO products ({", ".join(COLUMNS)})
    SELECT name, price, coalesce(stock, 0), category_id, sku, coalesce(archived, false)
    FROM {recordset(ProductModel, COLUMNS, "line integer")} ORDER BY line RETURNING id_key
"""
# The trigger that appends events joins old and new rows. It may have kept a plan for single rows, a nested loop, whose
# time grows with the square of the rows.
_PLAN_FOR_MANY_ROWS = "DISCARD PLANS;"


class Comparison(NamedTuple):
    """A line of a file. `target` is the key of its product, if there is one. `problem` is the reason to refuse it.

    `has_effect` tells whether it creates or changes a product.
    """

    line: int
    target: int | None
    has_effect: bool
    problem: str | None


class ProductRowsRepository(ProductRepository):
    """Rows are JSON texts: lists of objects with fields of products."""

    def lock_known(self, id_keys: Collection[int], skus: Collection[str], fields: tuple[str, ...]) -> list[Record]:
        """Lock the products with one of these keys or SKUs, in the order of their keys, and return their `fields`."""
        parameters = {"id_keys": list(id_keys), "skus": list(skus)}
        return [dict(row) for row in self.run(Statement(_LOCK.format(", ".join(fields)), parameters)).mappings()]

    def lock_rows(self, rows: str) -> None:
        """Lock the products that the rows name, in the order of their keys."""
        self.run(Statement(_LOCK_ROWS, {"rows": rows}))

    def lock_categories(self, id_keys: Collection[int]) -> set[int]:
        """Return those of the categories that exist. They cannot be deleted before the transaction ends."""
        return set(self.run(Statement(_LOCK_CATEGORIES, {"id_keys": list(id_keys)})).scalars()) if id_keys else set()

    def clear_skus(self, id_keys: Collection[int]) -> None:
        """Free the SKUs of these products for others. A unique index checks each row, not the whole statement."""
        if id_keys:
            self.run(Statement(_CLEAR_SKUS, {"id_keys": list(id_keys)}))

    def update_all(self, rows: str, names: tuple[str, ...], *, keeps_missing: bool = False) -> dict[int, int]:
        """Write the columns `names` of locked products, and return their stock by key.

        `keeps_missing` keeps the values of fields that a row does not have; otherwise they become null.
        """
        written = self.run(Statement(_update_sql(names, keeps_missing), {"rows": rows}))
        return {id_key: int(stock) for id_key, stock in written}

    def insert_all(self, rows: str) -> list[int]:
        """Create a product for each row, in the order of `line`, and return their keys in this order."""
        return sorted(self.run(Statement(_INSERT, {"rows": rows})).scalars())

    def compare(self, rows: str, *, sets_stock: bool) -> list[Comparison]:
        """Compare rows with the stored products. `sets_stock` compares the stock, too. Locks nothing."""
        return [Comparison(*row) for row in self.run(Statement(_compare_sql(sets_stock), {"rows": rows}))]


@cache
def _update_sql(names: tuple[str, ...], keeps_missing: bool) -> str:
    value = "coalesce(given.{0}, products.{0})" if keeps_missing else "given.{0}"
    assigned = ", ".join(f"{name} = {value.format(name)}" for name in names)
    given = recordset(ProductModel, ("id_key", *names))
    return f"""
        {_PLAN_FOR_MANY_ROWS}
        UPDATE products SET {assigned} FROM {given} WHERE products.id_key = given.id_key
        RETURNING products.id_key, products.stock
    """


@cache
def _compare_sql(sets_stock: bool) -> str:
    compared = [name for name in COLUMNS if sets_stock or name != "stock"]
    differs = " OR ".join(f"given.{name} <> stored.{name}" for name in compared)
    stock_differs = "given.stock <> stored.stock" if sets_stock else "false"
    missing = "\n".join(
        f"WHEN stored.id_key IS NULL AND given.{name} IS NULL THEN '{name}: Field required'" for name in REQUIRED
    )
    return f"""
        WITH given AS MATERIALIZED (
            SELECT given.*, coalesce(id_key, (SELECT id_key FROM products WHERE sku = given.sku)) AS target
            FROM {recordset(ProductModel, ("id_key", *COLUMNS), "line integer")}
        )
        SELECT line, target, stored.id_key IS NULL OR coalesce({differs}, false)
            OR given.sku IS NOT NULL AND stored.sku IS NULL, CASE
            WHEN given.target IS NOT NULL AND stored.id_key IS NULL
                THEN format('Product with id %%s not found', given.target)
            {missing}
            WHEN given.category_id IS NOT NULL AND given.category_id IS DISTINCT FROM stored.category_id
                AND NOT EXISTS (SELECT FROM categories WHERE categories.id_key = given.category_id)
                THEN format('Category with id %%s not found', given.category_id)
            WHEN given.stock > {MAX_INTEGER} AND (stored.id_key IS NULL OR {stock_differs})
                THEN 'stock: Input should be less than or equal to {MAX_INTEGER}'
            WHEN given.sku IS DISTINCT FROM stored.sku
                AND EXISTS (SELECT FROM products WHERE sku = given.sku AND id_key <> stored.id_key)
                THEN 'SKU already exists'
        END
        FROM given LEFT JOIN products AS stored ON stored.id_key = given.target ORDER BY line
    """
