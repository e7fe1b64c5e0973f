"""Schemas of events."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base_schema import Moment, StoredSchema
from schemas.list_query import ListQuery, where
from schemas.types.text import TextRule


class EventSchema(StoredSchema):
    """Change of an object."""

    type: str = Field(examples=["product.updated", "order.status_changed", "stock.low"])
    created_at: Moment
    resource: str = Field(description="The path of the object.", examples=["/products/5"])
    data: dict[str, Any] = Field(
        description="The object's body after the change, before a deletion. Personal data of deleted clients are null.",
        examples=[{"id_key": 5, "name": "Laptop", "price": 999.99, "stock": 8, "category_id": 1}],
    )


class EventFilters(ListQuery):
    type: Annotated[Annotated[str, TextRule(50)] | None, where("type")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
