"""Shipments over HTTP: for admins. Clients follow theirs with `GET /orders/{id}/tracking`."""

from controllers.base_controller_impl import BaseController
from schemas.base_schema import NothingToWrite
from schemas.fulfillment.shipment_schema import (
    ShipmentCreate,
    ShipmentEventCreate,
    ShipmentEventSchema,
    ShipmentFilters,
    ShipmentSchema,
)
from services.fulfillment.shipment_service import ShipmentService


class ShipmentController(BaseController[NothingToWrite, NothingToWrite, ShipmentSchema]):
    """Parcels of orders, and their way to the client."""

    prefix = "/shipments"
    service = ShipmentService
    filters = ShipmentFilters

    def register(self) -> None:
        shipments, of_order = ShipmentService(self.app_context), f"/orders/{{id_key}}{self.prefix}"
        self.add_list(self.prefix, self.list_all, "List shipments", ShipmentSchema)
        self.add_read(self.object_path, self.get_one, "Get a shipment", ShipmentSchema, 404)
        self.add_action(of_order, shipments.ship, "Ship an order", ShipmentSchema, ShipmentCreate, status_code=201)
        events = f"{self.object_path}/events"
        self.add_post(events, ShipmentEventCreate, shipments.report, "Report on a shipment", ShipmentEventSchema)
