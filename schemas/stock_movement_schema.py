"""Schemas of the stock ledger."""

from typing import Annotated, Literal

from pydantic import Field

from models.enums import StockReason
from schemas.base_schema import INT64, MAX_INTEGER, BaseSchema, IdKey, Moment, Quantity, Stock, StoredSchema, example
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.text import TextRule

Note = Annotated[str, TextRule(500, min_length=0), Field(examples=["Delivery 4711"])]
Loss = Annotated[int, Field(strict=True, lt=0, ge=-MAX_INTEGER, examples=[-2])]
Units = Annotated[int, Field(examples=[-2], json_schema_extra=INT64)]


class StockReceived(BaseSchema):
    """Units that arrived."""

    model_config = example(quantity=20, reason="received", note="Delivery 4711")

    quantity: Quantity
    reason: Literal["received"]
    note: Note | None = None


class StockDamaged(BaseSchema):
    """Units that are lost."""

    model_config = example(quantity=-2, reason="damaged", note="Broken in the store")

    quantity: Loss
    reason: Literal["damaged"]
    note: Note | None = None


class StockCounted(BaseSchema):
    """Units that are there."""

    model_config = example(stock=12, reason="counted", note="Stocktaking")

    stock: Stock
    reason: Literal["counted"]
    note: Note | None = None


StockMovementCreate = Annotated[StockReceived | StockDamaged | StockCounted, Field(discriminator="reason")]


class StockMovementSchema(StoredSchema):
    """Change of a product's stock."""

    product_id: IdKey
    quantity: Units = Field(description="Positive: units were added. Negative: units were taken. Never 0.")
    stock_after: Annotated[int, Field(ge=0, examples=[8], json_schema_extra=INT64)]
    reason: StockReason
    order_detail_id: IdKey | None = Field(description="The order detail that sold or restored the units.")
    note: Note | None
    created_at: Moment


class StockMovementFilters(ListQuery):
    product_id: Annotated[IdFilter | None, where("product_id")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
