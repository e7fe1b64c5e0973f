"""Schemas of orders."""

from typing import Annotated, Literal

from pydantic import Field

from models.enums import DeliveryMethod, OrderStatus
from schemas.base_schema import BaseSchema, IdKey, Moment, StoredSchema, Whole, absent, example, utc_now
from schemas.list_query import FromMoment, IdFilter, ListQuery, ToMoment, where
from schemas.types.money import Money

Delivery = Annotated[DeliveryMethod, Whole]
Status = Annotated[OrderStatus, Whole]


class OrderCreate(BaseSchema):
    date: Moment = Field(default_factory=utc_now, description="Default: now. A time without a zone is UTC.")
    total: Money
    delivery_method: Delivery = Field(description="1 DRIVE_THRU, 2 ON_HAND, 3 HOME_DELIVERY", examples=[3])
    status: Status = Field(OrderStatus.PENDING, description="1 PENDING, 2 IN_PROGRESS, 3 DELIVERED, 4 CANCELED")
    client_id: IdKey
    bill_id: IdKey


class OrderUpdate(BaseSchema):
    model_config = example(delivery_method=1, status=2)

    date: Moment = absent()
    total: Money = absent()
    delivery_method: Delivery = absent()
    status: Status = absent()
    client_id: IdKey = absent()
    bill_id: IdKey = absent()


class OrderSchema(OrderCreate, StoredSchema):
    """Stored order."""


class OrderFilters(ListQuery):
    client_id: Annotated[IdFilter | None, where("client_id")] = None
    bill_id: Annotated[IdFilter | None, where("bill_id")] = None
    status: Annotated[OrderStatus | None, where("status")] = None
    delivery_method: Annotated[DeliveryMethod | None, where("delivery_method")] = None
    date_from: Annotated[FromMoment | None, where("date", operator=">=")] = None
    date_to: Annotated[ToMoment | None, where("date", operator="<=")] = None
    sort: Literal["id_key", "-id_key", "date", "-date"] = "id_key"


class OrderStatusChange(BaseSchema):
    from_status: OrderStatus | None = Field(description="Null for the creation.")
    to_status: OrderStatus
    changed_at: Moment
