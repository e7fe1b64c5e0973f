"""The rules of order details: each holds stock while its order is open, and counts in the totals of a checkout."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from repositories.stock_movement_repository import StockChange
from repositories.transaction import Transaction, Values
from schemas.order_detail_schema import OrderDetailCreate, OrderDetailSchema, OrderDetailUpdate
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import NotFoundError
from services.rules.order_rules import add_to_totals, check_open, check_unpaid, lock_order, net_total
from services.rules.shipping_rules import check_kept_units, leave_shipments
from services.rules.stock import check_not_archived, check_price, refuse_shortage

DETAILS = "its details"


class OrderDetailService(BaseService[OrderDetailModel, OrderDetailCreate, OrderDetailUpdate, OrderDetailSchema]):
    repository = OrderDetailRepository
    schema = OrderDetailSchema

    def lock_first(self, tx: Transaction, context: RequestContext, id_key: int, values: Values) -> None:
        """Lock the orders before the detail, as every change of an order does, in the order of their keys."""
        if (detail := OrderDetailRepository(tx).find(id_key)) is not None:
            for order_id in sorted({detail.order_id, values.get("order_id", detail.order_id)}):
                OrderRepository(tx).lock(order_id, context.principal.client_id)

    def before_update(
        self, tx: Transaction, context: RequestContext, instance: OrderDetailModel, values: Values
    ) -> Values:
        order_id, product_id = values.get("order_id", instance.order_id), values.get("product_id", instance.product_id)
        orders = lock_open_orders(tx, instance.order_id, order_id)
        is_kept = (order_id, product_id) == (instance.order_id, instance.product_id)
        check_kept_units(tx, instance, values.get("quantity", instance.quantity) if is_kept else 0)
        if order_id != instance.order_id:
            leave_shipments(tx, instance)
        products = ProductRepository(tx).lock_all({instance.product_id, product_id})
        product = products.get(product_id)
        if product is None:
            raise NotFoundError("Product", product_id)
        # A change within one product needs only the difference in stock.
        moved = Counter({instance.product_id: instance.quantity})
        moved.subtract({product_id: values.get("quantity", instance.quantity)})
        if moved[product_id] < 0:
            check_not_archived(product)
        if product.stock < -moved[product_id]:
            refuse_shortage(product, -moved[product_id])
        changes = [StockChange(key, amount, instance.id_key) for key, amount in moved.items() if amount]
        ProductRepository(tx).move_stock(changes)
        changed = {**values, "price": agreed_price(instance, product, values.get("price"))}
        move_amount(tx, instance, changed, orders)
        return changed

    def before_delete(self, tx: Transaction, instance: OrderDetailModel) -> None:
        orders = lock_open_orders(tx, instance.order_id)
        check_kept_units(tx, instance, 0)
        leave_shipments(tx, instance)
        add_to_totals(tx, orders[instance.order_id], -instance.price * instance.quantity, loses_detail=True)
        products = ProductRepository(tx)
        products.lock_all([instance.product_id])
        products.move_stock([StockChange(instance.product_id, instance.quantity, instance.id_key)])

    def explain_refusal(self, tx: Transaction, values: Values) -> None:
        """Raise the reason why nothing was sold; return if another transaction has removed the reason."""
        order = OrderRepository(tx).find(values["order_id"])
        if order is None:
            raise NotFoundError("Order", values["order_id"])
        check_open(order, DETAILS)
        if order.is_checkout:
            check_unpaid(order)
        product = ProductRepository(tx).find(values["product_id"])
        if product is None:
            raise NotFoundError("Product", values["product_id"])
        check_not_archived(product)
        check_price(product, values["price"])
        if product.stock < values["quantity"]:
            refuse_shortage(product, values["quantity"])
        if order.is_checkout:
            net_total(order.total + product.price * values["quantity"], Decimal(0))
        tx.session.expire_all()


def agreed_price(instance: OrderDetailModel, product: ProductModel, offered: Decimal | None) -> Decimal:
    """Return the price of a changed detail: its own as long as the product stays, otherwise the new product's."""
    if instance.product_id == product.id_key and offered in (None, instance.price):
        return instance.price
    check_price(product, offered)
    return product.price


def move_amount(tx: Transaction, instance: OrderDetailModel, values: Values, orders: Mapping[int, OrderModel]) -> None:
    """Change the totals of the orders that a changed detail leaves, stays in or moves to."""
    order_id, before = values.get("order_id", instance.order_id), instance.price * instance.quantity
    after = values["price"] * values.get("quantity", instance.quantity)
    if order_id == instance.order_id:
        add_to_totals(tx, orders[order_id], after - before)
    else:
        add_to_totals(tx, orders[instance.order_id], -before, loses_detail=True)
        add_to_totals(tx, orders[order_id], after)


def lock_open_orders(tx: Transaction, *id_keys: int) -> dict[int, OrderModel]:
    """Lock the orders in the order of their keys. Raises NotFoundError or ConflictError."""
    orders = {}
    for id_key in sorted(set(id_keys)):
        orders[id_key] = lock_order(tx, id_key)
        check_open(orders[id_key], DETAILS)
    return orders
