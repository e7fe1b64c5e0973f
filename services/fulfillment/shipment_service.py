"""The rules of shipments: no unit ships twice, events end with the delivery, and the order's status follows."""

from models.enums import ON_THE_WAY, SHIPPED, OrderStatus, ShipmentStatus
from models.fulfillment.shipment import ShipmentModel
from models.order import OrderModel
from repositories.fulfillment.shipment_repository import EVENT, ShipmentEventRepository, ShipmentRepository
from repositories.order_repository import OrderRepository
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Transaction
from schemas.base_schema import NothingToWrite, to_json
from schemas.fulfillment.shipment_schema import ShipmentCreate, ShipmentEventCreate, ShipmentSchema
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import ConflictError
from services.fulfillment.order_lines import units_by_detail
from services.rendering import Created
from services.rules.order_rules import check_open, lock_order
from services.transactions.unit_of_work import in_worker_thread


class ShipmentService(BaseService[ShipmentModel, NothingToWrite, NothingToWrite, ShipmentSchema]):
    repository = ShipmentRepository
    schema = ShipmentSchema

    @in_worker_thread
    def ship(self, context: RequestContext, order_id: int, new: ShipmentCreate) -> Created | StoredResponse:
        """Ship the lines, by default everything that is left, once for all requests with the same idempotency key.

        Raises NotFoundError for the order or a detail that it does not have, and ConflictError if it is closed or has
        fewer units left.
        """
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return tx.replay
            order = lock_order(tx, order_id)
            check_open(order, "its shipments")
            left, shipments = ShipmentRepository(tx).units_left(order_id, SHIPPED), ShipmentRepository(tx)
            lines = {detail: units for detail, units in left.items() if units}
            if new.lines is not None:
                lines = units_by_detail(new.lines, left, "ship")
            if not lines:
                raise ConflictError(f"Order {order_id} has nothing left to ship")
            values = {"order_id": order_id, "carrier": new.carrier, "tracking_number": new.tracking_number}
            shipment = shipments.add(values, lines)
            if order.status == OrderStatus.PENDING:
                OrderRepository(tx).update(order, {"status": OrderStatus.IN_PROGRESS})
            tx.outcome = Created(to_json(self.read(shipment)), shipment.id_key, order.client_id)
            return tx.outcome

    @in_worker_thread
    def report(self, context: RequestContext, id_key: int, new: ShipmentEventCreate) -> Created | StoredResponse:
        """Record an event, once for all requests with the same idempotency key; the shipment takes its status.

        Raises NotFoundError, and ConflictError after the shipment's last event.
        """
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return tx.replay
            found = ShipmentRepository(tx).find(id_key)
            if found is None:
                raise self.not_found(id_key)
            order = lock_order(tx, found.order_id)
            shipment = self.lock(tx, context, id_key, None)
            if shipment.status not in ON_THE_WAY:
                raise ConflictError(f"Shipment {id_key} is {shipment.status}: it takes no more events")
            values = {"shipment_id": id_key, **new.model_dump()}
            [event] = ShipmentEventRepository(tx).insert(values, EVENT)
            ShipmentRepository(tx).update(shipment, {"status": new.status})
            if new.status == "delivered":
                follow_delivery(tx, order)
            tx.outcome = Created(to_json(event), id_key, order.client_id)
            return tx.outcome


def follow_delivery(tx: Transaction, order: OrderModel) -> None:
    """Set the open order to DELIVERED if all its units are delivered."""
    left = ShipmentRepository(tx).units_left(order.id_key, (ShipmentStatus.DELIVERED,))
    if OrderStatus(order.status).is_open and not any(left.values()):
        OrderRepository(tx).update(order, {"status": OrderStatus.DELIVERED})
