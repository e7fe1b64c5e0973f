"""The rules of orders: allowed changes, and the stock of canceled and deleted orders."""

from collections.abc import Mapping

from models.enums import OrderStatus
from models.order import OrderModel
from repositories.fulfillment.shipment_repository import ShipmentRepository
from repositories.fulfillment.shipping_address_repository import ShippingAddressRepository
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.payments.payment_repository import PaymentRepository
from repositories.product_repository import ProductRepository
from repositories.transaction import Transaction, Values
from schemas.address_schema import AddressSchema
from schemas.order_schema import OrderCreate, OrderSchema, OrderUpdate
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import ConflictError, ForbiddenError, NotFoundError
from services.payments.voiding import void_payments
from services.rendering import RenderedJson, render, rows_to_dicts
from services.rules.order_rules import check_open, check_unpaid
from services.rules.shipping_rules import check_deletion, check_new_status, tracked

NEXT_STATUSES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.IN_PROGRESS, OrderStatus.DELIVERED, OrderStatus.CANCELED}),
    OrderStatus.IN_PROGRESS: frozenset({OrderStatus.DELIVERED, OrderStatus.CANCELED}),
    OrderStatus.DELIVERED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
}
HISTORY_FIELDS = ("from_status", "to_status", "changed_at")


class OrderService(BaseService[OrderModel, OrderCreate, OrderUpdate, OrderSchema]):
    repository = OrderRepository
    schema = OrderSchema
    # A trigger raises these, because two orders may reference a bill at the same moment.
    unique_messages = {
        "order_client_of_bill": "The bill belongs to another client",
        "order_of_checkout_bill": "The bill of a checkout takes no second order",
    }
    client_fields = frozenset({"delivery_method", "status"})

    async def history(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return the order's status changes, oldest first. Raises NotFoundError."""
        await self.get_one(context, id_key)
        rows = await self.fetch(context, OrderRepository.history(id_key))
        return render(rows_to_dicts(HISTORY_FIELDS, rows))

    async def shipping_address(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return the address that the order was placed with, as it was then. Raises NotFoundError."""
        await self.get_one(context, id_key)
        rows = await self.app_context.database.reads.fetch(*ShippingAddressRepository.of_order(id_key))
        if not rows:
            raise NotFoundError("ShippingAddress", id_key)
        return render(rows_to_dicts(tuple(AddressSchema.model_fields), rows)[0])

    async def tracking(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return the order's shipments with their events. Raises NotFoundError."""
        await self.get_one(context, id_key)
        return render(tracked(await self.app_context.database.reads.fetch(*ShipmentRepository.tracking(id_key))))

    async def balance(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return captured, refunded and due amount. Nothing is due for a canceled order. Raises NotFoundError."""
        await self.get_one(context, id_key)
        rows = await self.fetch(context, PaymentRepository.balance(id_key))
        if not rows:
            raise self.not_found(id_key)
        [(total, status, payments_total, captured, refunded)] = rows
        due = 0 if status == OrderStatus.CANCELED else round(total - payments_total, 2)
        return render(
            {"order_id": id_key, "total": total, "captured": captured, "refunded": refunded, "due": float(due)}
        )

    def before_update(self, tx: Transaction, context: RequestContext, instance: OrderModel, values: Values) -> Values:
        before, after = OrderStatus(instance.status), OrderStatus(values.get("status", instance.status))
        if after is not before and after not in NEXT_STATUSES[before]:
            raise ConflictError(f"Invalid status transition: {before.name} -> {after.name}")
        check_open(instance)
        if instance.is_checkout:
            check_checkout(instance, values)
        if values.get("total", instance.total) != instance.total:
            check_unpaid(instance)
        if values.get("bill_id", instance.bill_id) != instance.bill_id:
            check_unpaid(instance, "its bill")
        if after is before:
            return values
        check_new_status(tx, instance.id_key, after)
        if after is OrderStatus.CANCELED:
            void_payments(tx, instance)
            restore_stock(tx, instance.id_key)
        elif context.principal.client_id is not None:
            raise ForbiddenError("Only an admin may set this status")
        return values

    def before_delete(self, tx: Transaction, instance: OrderModel) -> None:
        check_deletion(tx, instance.id_key)
        if OrderStatus(instance.status).is_open:
            restore_stock(tx, instance.id_key)
        OrderDetailRepository(tx).remove_all(instance.id_key)


def check_checkout(order: OrderModel, values: Values) -> None:
    """Raise ConflictError for a new total, or a new bill, of an order that a checkout placed."""
    if values.get("total", order.total) != order.total:
        raise ConflictError(f"The total of order {order.id_key} follows from its details and the discount of its bill")
    if values.get("bill_id", order.bill_id) != order.bill_id:
        raise ConflictError(f"Order {order.id_key} was placed by a checkout and keeps its bill")


def restore_stock(tx: Transaction, order_id: int) -> None:
    """Add the quantities of the order's details to the stock of their products. Locks the products."""
    products, held = ProductRepository(tx), OrderDetailRepository(tx).held(order_id)
    products.lock_all(change.product_id for change in held)
    products.move_stock(held)
