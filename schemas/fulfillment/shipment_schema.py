"""Schemas of shipments, their events, and the tracking of an order."""

from typing import Annotated, Literal

from pydantic import Field

from models.enums import ShipmentStatus
from schemas.base_schema import BaseSchema, IdKey, Moment, StoredSchema, example, utc_now
from schemas.fulfillment.order_line import Lines, OrderLine
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.text import TextRule

Carrier = Annotated[str, TextRule(100), Field(examples=["DHL"])]
TrackingNumber = Annotated[str, TextRule(100), Field(examples=["JD014600003"])]
Location = Annotated[str, TextRule(200), Field(examples=["Leipzig"])]
Reported = Literal["picked_up", "in_transit", "out_for_delivery", "delivered", "failed", "returned"]


class ShipmentCreate(BaseSchema):
    carrier: Carrier | None = None
    tracking_number: TrackingNumber | None = None
    lines: Lines | None = Field(None, description="Default: everything that has not shipped yet.")


class ShipmentSchema(StoredSchema):
    """Stored shipment."""

    order_id: IdKey
    carrier: Carrier | None
    tracking_number: TrackingNumber | None
    status: ShipmentStatus
    lines: list[OrderLine]
    created_at: Moment


class ShipmentFilters(ListQuery):
    order_id: Annotated[IdFilter | None, where("order_id")] = None
    status: Annotated[ShipmentStatus | None, where("status")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"


class ShipmentEventCreate(BaseSchema):
    model_config = example(status="in_transit", location="Leipzig", occurred_at="2026-11-28T10:00:00Z")

    status: Reported
    location: Location | None = None
    occurred_at: Moment = Field(default_factory=utc_now, description="Default: now. A time without a zone is UTC.")


class ShipmentEventSchema(StoredSchema):
    """Event of a shipment, as it was reported."""

    shipment_id: IdKey
    status: Reported
    location: Location | None
    occurred_at: Moment
    created_at: Moment


class TrackedShipment(ShipmentSchema):
    events: list[ShipmentEventSchema] = Field(description="In the order in which they occurred.")
