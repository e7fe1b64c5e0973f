"""Schemas of addresses."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import BaseSchema, IdKey, Name, StoredSchema, absent, example
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.text import TextRule

Street = Annotated[str, TextRule(200), Field(examples=["Main Street"])]
HouseNumber = Annotated[str, TextRule(20, min_length=0), Field(examples=["12 B"])]


class AddressCreate(BaseSchema):
    street: Street
    number: HouseNumber | None = None
    city: Name = Field(examples=["Springfield"])
    client_id: IdKey


class AddressUpdate(BaseSchema):
    model_config = example(street="Station Road", number="7")

    street: Street = absent()
    number: HouseNumber | None = absent()
    city: Name = absent()
    client_id: IdKey = absent()


class AddressSchema(AddressCreate, StoredSchema):
    """Stored address."""


class AddressFilters(ListQuery):
    client_id: Annotated[IdFilter | None, where("client_id")] = None
    city: Annotated[Name | None, where("city")] = None
    street: Annotated[Street | None, where("street")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
