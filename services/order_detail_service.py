"""The rules of order details: each holds stock of its product as long as its order is open."""

from collections import Counter
from collections.abc import Collection
from decimal import Decimal

from models.enums import OrderStatus
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from repositories.transaction import Transaction, Values
from schemas.order_detail_schema import OrderDetailCreate, OrderDetailSchema, OrderDetailUpdate
from services.base_service_impl import BaseService
from services.exceptions import ConflictError, NotFoundError
from services.request_context import RequestContext
from services.stock import check_price, refuse_shortage


class OrderDetailService(BaseService[OrderDetailModel, OrderDetailCreate, OrderDetailUpdate, OrderDetailSchema]):
    repository = OrderDetailRepository
    schema = OrderDetailSchema

    def lock(
        self, tx: Transaction, context: RequestContext, id_key: int, etags: Collection[str] | None
    ) -> OrderDetailModel:
        """Lock the order before its detail, as every change of an order does."""
        detail = OrderDetailRepository(tx).find(id_key)
        if detail is not None:
            OrderRepository(tx).lock(detail.order_id)
        return super().lock(tx, context, id_key, etags)

    def before_update(
        self, tx: Transaction, context: RequestContext, instance: OrderDetailModel, values: Values
    ) -> Values:
        order_id, product_id = values.get("order_id", instance.order_id), values.get("product_id", instance.product_id)
        lock_open_orders(tx, instance.order_id, order_id)
        products = ProductRepository(tx).lock_all({instance.product_id, product_id})
        product = products.get(product_id)
        if product is None:
            raise NotFoundError("Product", product_id)
        # A change within one product needs only the difference in stock.
        moved = Counter({instance.product_id: instance.quantity})
        moved.subtract({product_id: values.get("quantity", instance.quantity)})
        if product.stock < -moved[product_id]:
            refuse_shortage(product, -moved[product_id])
        ProductRepository(tx).move_stock({key: amount for key, amount in moved.items() if amount})
        return {**values, "price": agreed_price(instance, product, values.get("price"))}

    def before_delete(self, tx: Transaction, instance: OrderDetailModel) -> None:
        lock_open_orders(tx, instance.order_id)
        products = ProductRepository(tx)
        products.lock_all([instance.product_id])
        products.move_stock({instance.product_id: instance.quantity})

    def explain_refusal(self, tx: Transaction, values: Values) -> None:
        """Raise the reason why nothing was sold; return if another transaction has removed the reason."""
        check_open(OrderRepository(tx).find(values["order_id"]), values["order_id"])
        product = ProductRepository(tx).find(values["product_id"])
        if product is None:
            raise NotFoundError("Product", values["product_id"])
        check_price(product, values["price"])
        if product.stock < values["quantity"]:
            refuse_shortage(product, values["quantity"])
        tx.session.expire_all()


def agreed_price(instance: OrderDetailModel, product: ProductModel, offered: Decimal | None) -> Decimal:
    """Return the price of a changed detail: its own as long as the product stays, otherwise the new product's."""
    if instance.product_id == product.id_key and offered in (None, instance.price):
        return instance.price
    check_price(product, offered)
    return product.price


def lock_open_orders(tx: Transaction, *id_keys: int) -> None:
    """Lock the orders in the order of their keys. Raises NotFoundError or ConflictError."""
    for id_key in sorted(set(id_keys)):
        check_open(OrderRepository(tx).lock(id_key), id_key)


def check_open(order: OrderModel | None, id_key: int) -> None:
    if order is None:
        raise NotFoundError("Order", id_key)
    status = OrderStatus(order.status)
    if not status.is_open:
        raise ConflictError(f"Order {id_key} is {status.name}: its details can no longer change")
