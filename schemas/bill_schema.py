"""Schemas of bills."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from models.enums import PaymentType
from schemas.base_schema import BaseSchema, Day, StoredSchema, absent, example, utc_today
from schemas.list_query import ListQuery, where
from schemas.types.money import Money
from schemas.types.text import TextRule

BillNumber = Annotated[str, TextRule(50), Field(examples=["BILL-2026-000001"])]


class BillFields(BaseSchema):
    bill_number: BillNumber = Field(default_factory=str, description="Made by the server when left out.")
    discount: Money = Field(Decimal(0), json_schema_extra={"default": 0})
    date: Day = Field(default_factory=utc_today, description="Default: today in UTC.")
    total: Money
    payment_type: PaymentType


class BillCreate(BillFields):
    model_config = example(total=150.5, payment_type="cash")


class BillUpdate(BaseSchema):
    model_config = example(payment_type="card")

    bill_number: BillNumber = absent()
    discount: Money = absent()
    date: Day = absent()
    total: Money = absent()
    payment_type: PaymentType = absent()


class BillSchema(BillFields, StoredSchema):
    """Stored bill."""


class BillFilters(ListQuery):
    payment_type: Annotated[PaymentType | None, where("payment_type")] = None
    date_from: Annotated[Day | None, where("date", operator=">=")] = None
    date_to: Annotated[Day | None, where("date", operator="<=")] = None
    sort: Literal["id_key", "-id_key", "date", "-date"] = "id_key"
