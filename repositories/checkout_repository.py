"""The one statement that places a whole order, or does nothing."""

from collections.abc import Iterable
from functools import cache

from models.enums import StockReason
from models.product import ProductModel
from repositories.base_repository_impl import Record
from repositories.order_detail_repository import STOCK_AFTER
from repositories.order_repository import OrderRepository
from repositories.statements.statement import InsertStatement
from repositories.transaction import Changes, Values
from schemas.base_schema import is_storable_key
from schemas.bill_schema import BillSchema
from schemas.order_detail_schema import OrderDetailSchema
from schemas.order_schema import OrderSchema
from schemas.types.money import MAX_MONEY

PARTS = {
    part: tuple(schema.model_fields)
    for part, schema in (("ordered", OrderSchema), ("billed", BillSchema), ("detailed", OrderDetailSchema))
}
"""The fields that the statement returns of each part; a column's name is `part.field`."""

_BUYER = "SELECT FROM clients WHERE id_key = %(client_id)s"
# `product` locks the products in the order of their keys and reads them afterwards, so all later steps see the same
# prices and stock. `taken` names the keys again, because a join alone makes the planner read all products of a small
# shop, with every dead version of a popular row.
_STEPS = (
    """item AS (
        SELECT * FROM unnest(
            cast(%(product_ids)s AS bigint[]), cast(%(quantities)s AS integer[]), cast(%(prices)s AS numeric[])
        ) WITH ORDINALITY AS line (product_id, quantity, price, place)
    )""",
    "wanted AS (SELECT product_id, sum(quantity) AS quantity FROM item GROUP BY product_id)",
    """product AS MATERIALIZED (
        SELECT id_key, price, stock, archived FROM products WHERE id_key = ANY (cast(%(product_ids)s AS bigint[]))
        ORDER BY id_key FOR NO KEY UPDATE
    )""",
    f"""deal AS (
        SELECT sum(item.quantity * product.price) - %(discount)s AS total
        FROM item JOIN product ON product.id_key = item.product_id
        HAVING count(*) = cardinality(cast(%(product_ids)s AS bigint[]))
           AND bool_and(product.price = coalesce(item.price, product.price) AND NOT product.archived)
           AND sum(item.quantity * product.price) - %(discount)s BETWEEN 0 AND {MAX_MONEY}
           AND NOT EXISTS (
               SELECT FROM wanted JOIN product ON product.id_key = wanted.product_id
               WHERE product.stock < wanted.quantity
           )
           AND EXISTS ({_BUYER})
    )""",
    """taken AS (
        UPDATE products SET stock = products.stock - wanted.quantity, recorded_changes = recorded_changes + 1
        FROM wanted, deal
        WHERE products.id_key = wanted.product_id AND products.id_key = ANY (cast(%(product_ids)s AS bigint[]))
        RETURNING products.id_key, products.stock
    )""",
    f"""billed AS (
        INSERT INTO bills (bill_number, discount, date, total, payment_type)
        SELECT coalesce(%(bill_number)s, next_bill_number(%(year)s)), %(discount)s, %(day)s, total, %(payment_type)s
        FROM deal
        RETURNING {", ".join(PARTS["billed"])}
    )""",
    """ordered AS (
        INSERT INTO orders (date, total, delivery_method, client_id, bill_id, checkout_lines)
        SELECT %(date)s, total, %(delivery_method)s, %(client_id)s, id_key,
            cardinality(cast(%(product_ids)s AS bigint[]))
        FROM billed
        RETURNING *
    )""",
    f"""detailed AS (
        INSERT INTO order_details (quantity, price, order_id, product_id)
        SELECT item.quantity, product.price, ordered.id_key, product.id_key
        FROM ordered, item JOIN product ON product.id_key = item.product_id
        ORDER BY item.place
        RETURNING {", ".join(PARTS["detailed"])}
    )""",
    # Lines of one product share its last stock: before it come the units of its later lines.
    f"""recorded AS (
        INSERT INTO stock_movements (product_id, quantity, stock_after, reason, order_detail_id)
        SELECT product_id, -quantity, stock + coalesce(sum(quantity) OVER later_lines, 0), '{StockReason.SOLD}',
            detailed.id_key
        FROM detailed JOIN taken ON taken.id_key = product_id
        WINDOW later_lines AS (
            PARTITION BY product_id ORDER BY detailed.id_key DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
        ORDER BY detailed.id_key
    )""",
)
# A checkout without an address has a statement of its own, so the address costs it nothing.
_STEPS_WITH_ADDRESS = (
    """address AS (
        SELECT id_key, street, number, city, client_id FROM addresses
        WHERE id_key = %(address_id)s AND client_id = %(client_id)s
    )""",
    *(step.replace(_BUYER, "SELECT FROM address") for step in _STEPS),
    """addressed AS (
        INSERT INTO shipping_addresses (order_id, address_id, street, number, city, client_id)
        SELECT ordered.id_key, address.id_key, street, number, city, address.client_id FROM ordered, address
    )""",
)


class CheckoutRepository(OrderRepository):
    @classmethod
    def insert_statement(cls, values: Values, _fields: tuple[str, ...] = ()) -> InsertStatement:
        """Return the statement that takes stock and makes bill, order and details: one row for each line.

        It refuses unless client and products exist, no product is archived, each given price is the product's, the
        stock suffices, and the total is from 0 to `MAX_MONEY`. `CheckoutService.explain_refusal` finds the reason.
        """
        steps = _STEPS if values["address_id"] is None else _STEPS_WITH_ADDRESS
        return InsertStatement(_placed_sql(), dict(values), _columns(), steps)

    @classmethod
    def are_storable(cls, values: Values) -> bool:
        address = () if values["address_id"] is None else (values["address_id"],)
        return all(map(is_storable_key, (values["client_id"], *address, *values["product_ids"])))

    @classmethod
    def changes_by_insert(cls, values: Values, records: Iterable[Record]) -> Changes:
        changes = Changes()
        changes.rows[ProductModel.__tablename__].update(values["product_ids"])
        for record in records:
            product_id, after = record["detailed.product_id"], record[STOCK_AFTER]
            before, _ = changes.stock.get(product_id, (after, after))
            changes.stock[product_id] = before + record["detailed.quantity"], after
        return changes

    @staticmethod
    def part(record: Record, part: str) -> Record:
        """Return the order, bill or detail in a returned row."""
        return {field: record[f"{part}.{field}"] for field in PARTS[part]}


@cache
def _columns() -> tuple[str, ...]:
    return (*(f"{part}.{field}" for part, fields in PARTS.items() for field in fields), STOCK_AFTER)


@cache
def _placed_sql() -> str:
    columns = ", ".join(f'{part}.{field} AS "{part}.{field}"' for part, fields in PARTS.items() for field in fields)
    stock = f"(SELECT stock FROM taken WHERE taken.id_key = detailed.product_id) AS {STOCK_AFTER}"
    order = "ORDER BY detailed.id_key"
    return f"SELECT {columns}, {stock} FROM ordered, billed, detailed {order}"
