"""Schemas of addresses."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base_schema import BaseSchema, FilledText, IdKey, Name, StoredSchema, Text, absent
from schemas.list_query import IdFilter, ListQuery, SearchText, where

Street = Annotated[FilledText, StringConstraints(max_length=200), Field(examples=["Main Street"])]
HouseNumber = Annotated[Text, StringConstraints(max_length=20), Field(examples=["12 B"])]


class AddressCreate(BaseSchema):
    street: Street
    number: HouseNumber | None = None
    city: Name = Field(examples=["Springfield"])
    client_id: IdKey


class AddressUpdate(BaseSchema):
    street: Street = absent()
    number: HouseNumber | None = absent()
    city: Name = absent()
    client_id: IdKey = absent()


class AddressSchema(AddressCreate, StoredSchema):
    """Stored address."""


class AddressFilters(ListQuery):
    client_id: Annotated[IdFilter | None, where("client_id")] = None
    city: Annotated[SearchText | None, where("city")] = None
    street: Annotated[SearchText | None, where("street")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
