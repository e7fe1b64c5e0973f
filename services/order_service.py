"""The rules of orders: which status follows which, and where the stock goes when one is canceled or deleted."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from models.enums import OrderStatus
from models.order import OrderModel
from repositories.base_repository_impl import Values
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from schemas.order_schema import OrderCreate, OrderSchema, OrderUpdate
from services.auth.principal import narrowed_to
from services.base_service_impl import BaseService
from services.exceptions import ConflictError, ForbiddenError
from services.rendering import RenderedJson, render, rows_to_dicts

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
    client_fields = frozenset({"delivery_method", "status"})

    async def history(self, id_key: int) -> RenderedJson:
        """The order's status changes, oldest first. Raises NotFoundError."""
        await self.get_one(id_key)
        rows = await self.app_context.database.reads.fetch(*OrderRepository.history(id_key))
        return render(rows_to_dicts(HISTORY_FIELDS, rows))

    def before_update(self, session: Session, instance: OrderModel, values: Values) -> Values:
        before, after = OrderStatus(instance.status), OrderStatus(values.get("status", instance.status))
        if after is not before and after not in NEXT_STATUSES[before]:
            raise ConflictError(f"Invalid status transition: {before.name} -> {after.name}")
        if after not in (before, OrderStatus.CANCELED) and narrowed_to() is not None:
            raise ForbiddenError("Only an admin may set this status")
        if after is not before and after is OrderStatus.CANCELED:
            self._put_back(session, instance.id_key)
        return values

    def before_delete(self, session: Session, instance: OrderModel) -> None:
        status = OrderStatus(instance.status)
        if status.is_open:
            self._put_back(session, instance.id_key)
        elif status is OrderStatus.DELIVERED:
            self._write_off(session, instance.id_key)
        OrderDetailRepository(session).remove_all(instance.id_key)

    def _put_back(self, session: Session, order_id: int) -> None:
        products, held = ProductRepository(session), OrderDetailRepository(session).held(order_id)
        products.lock_all(held)
        products.move_stock(held)

    def _write_off(self, session: Session, order_id: int) -> None:
        """What was delivered and is deleted now was never put in, as far as audits are concerned."""
        ProductRepository(session).forget_supplied(OrderDetailRepository(session).held(order_id))
