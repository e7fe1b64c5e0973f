"""The rules of order details: each holds stock of its product for as long as its order is open."""

from collections import Counter
from decimal import Decimal

from sqlalchemy.orm import Session

from models.enums import OrderStatus
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from repositories.base_repository_impl import Values
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from schemas.order_detail_schema import OrderDetailCreate, OrderDetailSchema, OrderDetailUpdate
from services.base_service_impl import BaseService
from services.exceptions import ConflictError, NotFoundError, RejectedError
from services.stock import check_price, shortage


class OrderDetailService(BaseService[OrderDetailModel, OrderDetailCreate, OrderDetailUpdate, OrderDetailSchema]):
    repository = OrderDetailRepository
    schema = OrderDetailSchema

    def create(self, session: Session, values: Values) -> OrderDetailSchema:
        while (sale := OrderDetailRepository(session).sell(values, self.fields)) is None:
            self._refuse(session, **values)
        return self.read(sale)

    def lock(self, session: Session, id_key: int, if_match: str | None) -> OrderDetailModel:
        """The order is locked before its details, as everybody does who changes an order."""
        detail = OrderDetailRepository(session).find(id_key)
        if detail is not None:
            OrderRepository(session).lock(detail.order_id)
        return super().lock(session, id_key, if_match)

    def before_update(self, session: Session, instance: OrderDetailModel, values: Values) -> Values:
        order_id, product_id = values.get("order_id", instance.order_id), values.get("product_id", instance.product_id)
        self._lock_open_orders(session, instance.order_id, order_id)
        products = ProductRepository(session).lock_all({instance.product_id, product_id})
        product = products.get(product_id)
        if product is None:
            raise NotFoundError("Product", product_id)
        quantity = values.get("quantity", instance.quantity)
        # One product may gain and lose in the same change, so the difference is what has to be there.
        moved = Counter({instance.product_id: instance.quantity})
        moved.subtract({product_id: quantity})
        if product.stock < -moved[product_id]:
            raise RejectedError(shortage(product, -moved[product_id]))
        ProductRepository(session).move_stock({key: amount for key, amount in moved.items() if amount})
        return {**values, "price": self._agreed_price(instance, product, values.get("price"))}

    def before_delete(self, session: Session, instance: OrderDetailModel) -> None:
        self._lock_open_orders(session, instance.order_id)
        products = ProductRepository(session)
        products.lock_all([instance.product_id])
        products.move_stock({instance.product_id: instance.quantity})

    @staticmethod
    def _agreed_price(instance: OrderDetailModel, product: ProductModel, offered: Decimal | None) -> Decimal:
        """A detail keeps the price it was made with, for as long as it is for the same product."""
        if instance.product_id == product.id_key and offered in (None, instance.price):
            return instance.price
        check_price(product, offered)
        return product.price

    @staticmethod
    def _lock_open_orders(session: Session, *id_keys: int) -> None:
        for id_key in sorted(set(id_keys)):
            order = OrderRepository(session).lock(id_key)
            check_open(order, id_key)

    @staticmethod
    def _refuse(session: Session, order_id: int, product_id: int, quantity: int, price: Decimal | None) -> None:
        """Say why nothing was sold. Returns when there is no reason any more, because somebody changed the data."""
        check_open(OrderRepository(session).find(order_id), order_id)
        product = ProductRepository(session).find(product_id)
        if product is None:
            raise NotFoundError("Product", product_id)
        check_price(product, price)
        if product.stock < quantity:
            raise RejectedError(shortage(product, quantity))
        session.expire_all()


def check_open(order: OrderModel | None, id_key: int) -> None:
    if order is None:
        raise NotFoundError("Order", id_key)
    status = OrderStatus(order.status)
    if not status.is_open:
        raise ConflictError(f"Order {id_key} is {status.name}: its details can no longer change")
