"""The one statement that places a whole order, or does nothing."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from models.product import ProductModel
from repositories.base_repository_impl import Changes, Values, changes_of, is_storable_key
from repositories.order_repository import OrderRepository
from repositories.queries.insert import RETURN
from repositories.queries.statement import Statement
from schemas.base_schema import MAX_MONEY
from schemas.bill_schema import BillSchema
from schemas.order_detail_schema import OrderDetailSchema

BILL_FIELDS, DETAIL_FIELDS = tuple(BillSchema.model_fields), tuple(OrderDetailSchema.model_fields)

# `product` waits for whoever has one of the products, in the order of their keys, and then reads it as it is: what is
# agreed on price and stock holds for all that follows.
_PLACE = f"""
    WITH item AS (
        SELECT * FROM unnest(
            cast(%(product_ids)s AS integer[]), cast(%(quantities)s AS integer[]), cast(%(prices)s AS numeric[])
        ) WITH ORDINALITY AS line (product_id, quantity, price, place)
    ), wanted AS (
        SELECT product_id, sum(quantity) AS quantity FROM item GROUP BY product_id
    ), product AS MATERIALIZED (
        SELECT id_key, price, stock FROM products WHERE id_key = ANY (cast(%(product_ids)s AS integer[]))
        ORDER BY id_key FOR NO KEY UPDATE
    ), deal AS (
        SELECT sum(item.quantity * product.price) - %(discount)s AS total
        FROM item JOIN product ON product.id_key = item.product_id
        HAVING count(*) = cardinality(cast(%(product_ids)s AS integer[]))
           AND bool_and(product.price = coalesce(item.price, product.price))
           AND sum(item.quantity * product.price) - %(discount)s BETWEEN 0 AND {MAX_MONEY}
           AND NOT EXISTS (
               SELECT FROM wanted JOIN product ON product.id_key = wanted.product_id
               WHERE product.stock < wanted.quantity
           )
           AND EXISTS (SELECT FROM clients WHERE id_key = %(client_id)s)
    ), taken AS (
        UPDATE products SET stock = products.stock - wanted.quantity FROM wanted, deal
        WHERE products.id_key = wanted.product_id
        RETURNING products.id_key, products.stock
    ), billed AS (
        INSERT INTO bills (bill_number, discount, date, total, payment_type)
        SELECT coalesce(%(bill_number)s, next_bill_number(%(year)s)), %(discount)s, %(day)s, total, %(payment_type)s
        FROM deal
        RETURNING {", ".join(BILL_FIELDS)}
    ), ordered AS (
        INSERT INTO orders (date, total, delivery_method, client_id, bill_id, checkout_lines)
        SELECT %(date)s, total, %(delivery_method)s, %(client_id)s, id_key,
            cardinality(cast(%(product_ids)s AS integer[]))
        FROM billed
        RETURNING *
    ), detailed AS (
        INSERT INTO order_details (quantity, price, order_id, product_id)
        SELECT item.quantity, product.price, ordered.id_key, product.id_key
        FROM ordered, item JOIN product ON product.id_key = item.product_id
        ORDER BY item.place
        RETURNING {", ".join(DETAIL_FIELDS)}
    ), made AS (
"""  # noqa: S608 # fields of the schemas, and a constant


class CheckoutRepository(OrderRepository):
    @classmethod
    def creation(cls, values: Values, fields: tuple[str, ...]) -> Statement:
        """Takes stock and makes bill, order and details, unless the client or a product does not exist, a price is not
        the product's, a product has not the stock, or the total is below 0 or above `MAX_MONEY`.

        Returns for each line the order's `fields`, the bill, the detail, and the stock that is left of the product.
        """
        return Statement(_place_sql(fields), dict(values), is_prepared=True)

    @classmethod
    def changes_by(cls, values: Values, rows: Sequence[Sequence[Any]]) -> Changes:
        changes = Changes()
        changes.rows[ProductModel.__tablename__].update(values["product_ids"])
        product, quantity = (-1 - len(DETAIL_FIELDS) + DETAIL_FIELDS.index(name) for name in ("product_id", "quantity"))
        for row in rows:
            before, after = changes.stock.get(row[product], (row[-1], row[-1]))
            changes.stock[row[product]] = before + row[quantity], after
        return changes

    def place(self, values: Values, fields: tuple[str, ...]) -> Sequence[Sequence[Any]]:
        """What `creation` returns: nothing when the order may not be placed."""
        if not all(map(is_storable_key, (values["client_id"], *values["product_ids"]))):
            return []
        self._attempt({"client_id": values["client_id"]})
        rows = self.run(self.creation(values, fields)).all()
        if rows:
            changes_of(self.session).add(self.changes_by(values, rows))
        return rows


@cache
def _place_sql(fields: tuple[str, ...]) -> str:
    named = [("ordered", fields), ("billed", BILL_FIELDS), ("detailed", DETAIL_FIELDS)]
    columns = ", ".join(f"{table}.{name}" for table, names in named for name in names)
    left = "(SELECT stock FROM taken WHERE taken.id_key = detailed.product_id)"
    return f"{_PLACE} SELECT {columns}, {left} FROM ordered, billed, detailed ORDER BY detailed.id_key){RETURN}"  # noqa: S608 # fields
