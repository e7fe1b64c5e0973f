"""Schema of a client's export: the stored objects, with their timestamps."""

from pydantic import ConfigDict, Field

from schemas.address_schema import AddressSchema, HouseNumber, Street
from schemas.base_schema import BaseSchema, IdKey, Moment, Name, StoredSchema
from schemas.bill_schema import BillSchema
from schemas.client_schema import ClientSchema
from schemas.fulfillment.return_schema import CreditNoteSchema, ReturnSchema
from schemas.fulfillment.shipment_schema import ShipmentEventSchema, ShipmentSchema
from schemas.order_detail_schema import OrderDetailSchema
from schemas.order_schema import OrderSchema, OrderStatusChange
from schemas.payments.payment_schema import PaymentSchema
from schemas.review_schema import ReviewSchema


class Timestamps(BaseSchema):
    created_at: Moment
    updated_at: Moment


class ExportedClient(Timestamps, ClientSchema): ...


class ExportedAddress(Timestamps, AddressSchema): ...


class ExportedBill(Timestamps, BillSchema): ...


class ExportedOrderDetail(Timestamps, OrderDetailSchema):
    model_config = ConfigDict(json_schema_extra=None)


class ExportedShippingAddress(BaseSchema):
    address_id: IdKey = Field(description="The address that was copied.")
    street: Street
    number: HouseNumber | None
    city: Name
    created_at: Moment


class ExportedShipment(Timestamps, ShipmentSchema):
    events: list[ShipmentEventSchema]


class ExportedCreditNote(Timestamps, CreditNoteSchema): ...


class ExportedReturn(Timestamps, ReturnSchema):
    credit_note: ExportedCreditNote | None


class ExportedPayment(Timestamps, PaymentSchema): ...


class ExportedOrder(Timestamps, OrderSchema):
    bill: ExportedBill
    shipping_address: ExportedShippingAddress | None
    order_details: list[ExportedOrderDetail]
    shipments: list[ExportedShipment]
    history: list[OrderStatusChange] = Field(description="Status changes, oldest first, including the creation.")
    payments: list[ExportedPayment]
    returns: list[ExportedReturn]


class ExportedReview(Timestamps, ReviewSchema): ...


class ExportedApiKey(BaseSchema):
    name: str = Field(examples=["826a4a71"])
    created_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None


class ExportedAuditEntry(StoredSchema):
    created_at: Moment
    request_id: str = Field(examples=["9f86d081884c7d65-1"])
    method: str = Field(examples=["PATCH"])
    path: str = Field(examples=["/clients/1"])
    status: int = Field(examples=[200])


class ClientExport(BaseSchema):
    """Everything that is stored about a client, as it was at one moment. Lists are in the order of their keys."""

    client: ExportedClient
    api_keys: list[ExportedApiKey]
    addresses: list[ExportedAddress]
    orders: list[ExportedOrder]
    reviews: list[ExportedReview] = Field(description="Reviews that the client wrote with credentials of its own.")
    audit: list[ExportedAuditEntry] = Field(
        description="Changes of the client itself, and its own changes and refused requests."
    )
