"""Schemas of returns and credit notes."""

from typing import Annotated, Literal

from pydantic import Field

from models.enums import ReturnStatus
from schemas.base_schema import BaseSchema, IdKey, Moment, StoredSchema, example
from schemas.fulfillment.order_line import Lines, OrderLine
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.money import Money, Price
from schemas.types.text import TextRule

Reason = Annotated[str, TextRule(500), Field(examples=["Too small"])]


class ReturnCreate(BaseSchema):
    model_config = example(lines=[{"order_detail_id": 5, "quantity": 1}], reason="Too small")

    lines: Lines
    reason: Reason


class ReturnSchema(StoredSchema):
    """Return of a delivered order."""

    order_id: IdKey
    status: ReturnStatus
    reason: Reason
    lines: list[OrderLine]
    amount: Money = Field(description="Sum of price times quantity, less its share of the discount.")
    created_at: Moment


class ReturnReceipt(BaseSchema):
    model_config = example(restock=True)

    restock: bool = Field(True, strict=True, description="Whether the units are in stock again.")


class ReturnFilters(ListQuery):
    order_id: Annotated[IdFilter | None, where("order_id")] = None
    status: Annotated[ReturnStatus | None, where("status")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"


class CreditNoteSchema(StoredSchema):
    """Amount that was paid back for a return."""

    number: str = Field(examples=["CN-2026-000001"])
    bill_id: IdKey
    return_id: IdKey
    amount: Price
    created_at: Moment


class CreditNoteFilters(ListQuery):
    bill_id: Annotated[IdFilter | None, where("bill_id")] = None
    return_id: Annotated[IdFilter | None, where("return_id")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
