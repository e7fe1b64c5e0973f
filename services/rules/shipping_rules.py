"""Rules that shipments add to orders and their details. All of them need the lock of the order."""

from collections.abc import Iterable, Sequence
from typing import Any

from models.enums import ON_THE_WAY, SHIPPED, OrderStatus
from models.order_detail import OrderDetailModel
from repositories.base_repository_impl import Record
from repositories.fulfillment.return_repository import ReturnRepository
from repositories.fulfillment.shipment_repository import EVENT, SHIPMENT, ShipmentRepository
from repositories.transaction import Transaction
from services.exceptions import ConflictError


def check_new_status(tx: Transaction, order_id: int, status: OrderStatus) -> None:
    """Raise ConflictError for a status by hand that contradicts the order's shipments."""
    shipments = ShipmentRepository(tx)
    if status is OrderStatus.CANCELED and shipments.exists(order_id, SHIPPED):
        raise ConflictError(f"Cannot cancel order {order_id}: shipped goods are out")
    if status is OrderStatus.DELIVERED and shipments.exists(order_id, ON_THE_WAY):
        raise ConflictError(f"Order {order_id} has an open shipment, whose delivery sets this status")


def check_deletion(tx: Transaction, order_id: int) -> None:
    """Raise ConflictError if the order has had a shipment or a return."""
    if ShipmentRepository(tx).exists(order_id):
        raise ConflictError(f"Cannot delete order {order_id}: it has shipments")
    if ReturnRepository(tx).exists(order_id):
        raise ConflictError(f"Cannot delete order {order_id}: it has returns")


def check_kept_units(tx: Transaction, detail: OrderDetailModel, kept: int) -> None:
    """Raise ConflictError if a detail would keep less than has shipped of it."""
    if kept < detail.quantity and (shipped := ShipmentRepository(tx).units_of(detail.id_key, SHIPPED)) > kept:
        raise ConflictError(f"{shipped} units of order detail {detail.id_key} have shipped")


def leave_shipments(tx: Transaction, detail: OrderDetailModel) -> None:
    """Take a detail that leaves its order out of shipments that came back: their lines would lead nowhere."""
    ShipmentRepository(tx).remove_lines(detail.id_key)


def tracked(rows: Iterable[Sequence[Any]]) -> list[Record]:
    """Return the shipments with their events from the rows of `ShipmentRepository.tracking`."""
    shipments: dict[int, Record] = {}
    for row in rows:
        shipment, event = dict(zip(SHIPMENT, row, strict=False)), dict(zip(EVENT, row[len(SHIPMENT) :], strict=True))
        events = shipments.setdefault(shipment["id_key"], {**shipment, "events": []})["events"]
        if event["id_key"] is not None:
            events.append(event)
    return list(shipments.values())
