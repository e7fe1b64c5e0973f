"""Schemas of clients."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base_schema import BaseSchema, IdKey, Moment, Name, StoredSchema, absent, example
from schemas.list_query import ListQuery, Words, where
from schemas.types.text import Email, EmailFilter, TextRule

Telephone = Annotated[str, TextRule(21, pattern=r"^\+?[1-9][0-9]{6,19}$"), Field(examples=["+1234567890"])]


class ClientCreate(BaseSchema):
    name: Name = Field(examples=["John"])
    lastname: Name = Field(examples=["Doe"])
    email: Email
    telephone: Telephone | None = None


class ClientUpdate(BaseSchema):
    model_config = example(lastname="Smith", telephone="+1234567890")

    name: Name = absent()
    lastname: Name = absent()
    email: Email = absent()
    telephone: Telephone | None = absent()


class ClientSchema(ClientCreate, StoredSchema):
    """Stored client."""


class ClientFilters(ListQuery):
    email: Annotated[EmailFilter | None, where("email", operator="fold=")] = None
    q: Annotated[Words | None, where("search_text", operator="words")] = None
    sort: Literal["id_key", "-id_key", "name", "-name", "lastname", "-lastname"] = "id_key"


class ClientSummary(BaseSchema):
    """Summary of a client's orders, without canceled ones."""

    client_id: IdKey
    orders_count: int
    total_spent: float = Field(examples=[150.5], description="Exact up to 15 digits.")
    last_order_date: Moment | None


class ClientSummaryWithPayments(ClientSummary):
    """Summary with the payments of all orders."""

    captured: float = Field(examples=[150.5])
    refunded: float = Field(examples=[20.0])


class SummaryQuery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    include: Literal["payments"] | None = Field(
        None, description="`payments` adds captured and refunded amounts, of canceled orders, too."
    )
