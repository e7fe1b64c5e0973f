"""Schemas of payments."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, create_model

from models.enums import PaymentStatus
from schemas.base_schema import BaseSchema, IdKey, Moment, StoredSchema, example
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.money import Money, Price
from schemas.types.text import TextRule

ProviderName = Annotated[str, TextRule(20), Field(examples=["manual"])]
# It begins with a letter, so it cannot be the number of a card.
Token = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,254}$", examples=["pm_card_visa"])]


class PaymentCreate(BaseSchema):
    model_config = example(provider="manual")

    amount: Price | None = Field(None, description="Default: the amount that is due.")
    provider: ProviderName | None = Field(None, description="`manual`, or `stripe` if it is configured.")
    token: Token | None = Field(
        None, description="The provider's token of a payment method. Without it, the customer completes the payment."
    )


def payment_create(providers: list[str]) -> type[PaymentCreate]:
    """Return the schema that documents these providers."""
    name = Annotated[ProviderName, WithJsonSchema({"type": "string", "enum": providers})]
    return create_model("PaymentCreate", __base__=PaymentCreate, provider=(name | None, None))


class PaymentAmount(BaseSchema):
    model_config = example(amount=5)

    amount: Price | None = Field(None, description="Default: all of it.")


class PaymentSchema(StoredSchema):
    """Payment of an order."""

    order_id: IdKey
    amount: Price = Field(description="The captured amount, once it is captured.")
    refunded: Money
    status: PaymentStatus
    provider: str = Field(examples=["manual"])
    reference: str | None = Field(description="The provider's id of the payment.", examples=["pi_3MtwBwLkdIwHu7ix"])
    created_at: Moment


class StartedPaymentSchema(PaymentSchema):
    """Payment with the secret that lets the customer's browser complete it."""

    client_secret: str = Field(description="Only if the customer has to act, and only in this response.")


class PaymentFilters(ListQuery):
    order_id: Annotated[IdFilter | None, where("order_id")] = None
    status: Annotated[PaymentStatus | None, where("status")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"


class Balance(BaseSchema):
    order_id: IdKey
    total: Money
    captured: Money
    refunded: Money
    due: Money = Field(description="Total without captured, authorized and pending payments; 0 for canceled orders.")
