"""SQL of the stock ledger: the statement that moves stock by hand and records it."""

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from models.product import ProductModel
from models.stock_movement import StockMovementModel
from repositories.base_repository_impl import BaseRepository, Record
from repositories.statements.statement import InsertStatement, typed_parameter
from repositories.transaction import Changes, Values

_STEPS = (
    """moved AS (
        UPDATE products SET stock = stock + %(quantity)s, recorded_changes = recorded_changes + 1
        WHERE id_key = %(product_id)s AND stock + %(quantity)s >= 0
        RETURNING id_key, stock
    )""",
)


class StockChange(NamedTuple):
    """A change of stock by an order detail: negative takes units, positive restores them."""

    product_id: int
    quantity: int
    order_detail_id: int


class StockMovementRepository(BaseRepository[StockMovementModel]):
    model = StockMovementModel

    @classmethod
    def insert_statement(cls, values: Values, fields: tuple[str, ...]) -> InsertStatement:
        """Return the statement that adds `quantity` to the product's stock and records the movement.

        It refuses if the product does not exist, or if its stock would fall below 0.
        """
        return InsertStatement(_insert_sql(fields), dict(values), fields, _STEPS)

    @classmethod
    def changes_by_insert(cls, values: Values, records: Iterable[Record]) -> Changes:
        records = list(records)
        changes, product_id = super().changes_by_insert(values, records), values["product_id"]
        changes.rows[ProductModel.__tablename__].add(product_id)
        for record in records:
            changes.stock[product_id] = record["stock_after"] - record["quantity"], record["stock_after"]
        return changes


@cache
def _insert_sql(fields: tuple[str, ...]) -> str:
    table: Any = StockMovementModel.__table__
    given = {name: typed_parameter(table.columns[name]) for name in ("quantity", "reason", "note")}
    return (
        f"INSERT INTO stock_movements (product_id, stock_after, {', '.join(given)}) "
        f"SELECT id_key, stock, {', '.join(given.values())} FROM moved RETURNING {', '.join(fields)}"
    )
