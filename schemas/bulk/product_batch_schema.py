"""Schemas of batches of products. Items are validated one by one, so the schema of a batch accepts any item."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from schemas.base_schema import BaseSchema, IdKey, example
from schemas.errors.error_schema import ErrorBody, FieldError

MAX_ITEMS = 1000


def _without_depth(item: Any) -> Any:
    """Empty the lists and objects within an item. No field takes them, and they may be nested without end."""
    if isinstance(item, dict):
        return {name: type(value)() if isinstance(value, list | dict) else value for name, value in item.items()}
    return [] if isinstance(item, list) else item


BatchItem = Annotated[
    Any,
    BeforeValidator(_without_depth),
    Field(
        description="Fields of a product. With `id_key`, or with the `sku` of a product, they change it, as in PATCH; "
        "otherwise they create one, as in POST.",
        examples=[{"id_key": 1, "price": 899.99}],
    ),
]


class ProductBatch(BaseSchema):
    model_config = example(items=[{"id_key": 1, "price": 899.99}, {"name": "Mouse", "price": 19.9, "category_id": 1}])

    atomic: bool = Field(False, strict=True, description="`true`: no item takes effect if one of them fails.")
    items: list[BatchItem] = Field(
        min_length=1,
        max_length=MAX_ITEMS,
        description="Applied in this order. An item sees the effect of earlier ones.",
    )


class ItemTarget(BaseSchema):
    id_key: IdKey | None = None


class BatchItemResult(BaseModel):
    status: int = Field(
        description="200: changed. 201: created. 424: not applied, because another item failed. Else that of an error.",
        examples=[200],
    )
    id_key: IdKey | None = Field(None, description="Absent if the product does not exist.")
    detail: str | list[FieldError] | None = Field(None, description="Why the item failed.")


class BatchResults(BaseSchema):
    results: list[BatchItemResult] = Field(description="One for each item, in their order.")


class BatchRefusal(ErrorBody, BatchResults):
    """Response to an atomic batch that changed nothing."""
