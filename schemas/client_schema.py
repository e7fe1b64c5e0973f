"""Schemas of clients."""

from typing import Annotated, Literal

from pydantic import EmailStr, Field, StringConstraints

from schemas.base_schema import BaseSchema, IdKey, Moment, Name, StoredSchema, absent
from schemas.list_query import ListQuery, SearchText, where

Email = Annotated[
    EmailStr,
    StringConstraints(max_length=254),
    Field(examples=["john@example.com"], description="Domains for special use, as `.test` is one, are refused."),
]
Telephone = Annotated[str, StringConstraints(pattern=r"^\+?[1-9][0-9]{6,19}$"), Field(examples=["+1234567890"])]


class ClientCreate(BaseSchema):
    name: Name = Field(examples=["John"])
    lastname: Name = Field(examples=["Doe"])
    email: Email
    telephone: Telephone | None = None


class ClientUpdate(BaseSchema):
    name: Name = absent()
    lastname: Name = absent()
    email: Email = absent()
    telephone: Telephone | None = absent()


class ClientSchema(ClientCreate, StoredSchema):
    """Stored client."""


class ClientFilters(ListQuery):
    email: Annotated[SearchText | None, where("email", operator="lower=")] = None
    q: Annotated[SearchText | None, where("name", "lastname", operator="contains")] = None
    sort: Literal["id_key", "-id_key", "name", "-name", "lastname", "-lastname"] = "id_key"


class ClientSummary(BaseSchema):
    """Summary of a client's orders, without canceled ones."""

    client_id: IdKey
    orders_count: int
    total_spent: float = Field(examples=[150.5], description="Exact up to 15 digits.")
    last_order_date: Moment | None
