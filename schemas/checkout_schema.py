"""Schemas of a checkout: a complete order in one request."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from models.enums import PaymentType
from schemas.base_schema import BaseSchema, IdKey, Quantity, example
from schemas.bill_schema import BillNumber, BillSchema
from schemas.order_detail_schema import OrderDetailSchema
from schemas.order_schema import Delivery, OrderSchema
from schemas.types.money import Money, Price


class CheckoutItem(BaseSchema):
    product_id: IdKey
    quantity: Quantity
    price: Price | None = Field(None, description="Refused when it is not the product's; taken from it when left out.")


class CheckoutCreate(BaseSchema):
    model_config = example(
        client_id=1, delivery_method=3, payment_type="cash", items=[{"product_id": 1, "quantity": 2}]
    )

    client_id: IdKey
    delivery_method: Delivery = Field(examples=[3])
    payment_type: PaymentType
    discount: Money = Field(Decimal(0), json_schema_extra={"default": 0})
    bill_number: BillNumber = Field(default_factory=str, description="Made by the server when left out.")
    address_id: IdKey | None = Field(None, description="An address of the client. The order keeps a copy of it.")
    items: Annotated[list[CheckoutItem], Field(min_length=1, max_length=100)]


class CheckoutSchema(BaseSchema):
    order: OrderSchema
    bill: BillSchema
    order_details: list[OrderDetailSchema]
