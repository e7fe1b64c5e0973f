"""Schemas of order details."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import BaseSchema, IdKey, Quantity, StoredSchema, absent, example
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.money import Price


class OrderDetailCreate(BaseSchema):
    model_config = example(quantity=2, order_id=1, product_id=1)

    quantity: Quantity
    price: Price | None = Field(None, description="Taken from the product when left out; another one is refused.")
    order_id: IdKey
    product_id: IdKey


class OrderDetailUpdate(BaseSchema):
    model_config = example(quantity=3)

    quantity: Quantity = absent()
    price: Price = absent()
    order_id: IdKey = absent()
    product_id: IdKey = absent()


class OrderDetailSchema(OrderDetailCreate, StoredSchema):
    """Stored order detail, with the price at its creation."""

    model_config = example(id_key=1, quantity=2, price=999.99, order_id=1, product_id=1)

    price: Price


class OrderDetailFilters(ListQuery):
    order_id: Annotated[IdFilter | None, where("order_id")] = None
    product_id: Annotated[IdFilter | None, where("product_id")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
