"""Schemas of reviews."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import BaseSchema, IdKey, Number, StoredSchema, absent, example
from schemas.list_query import IdFilter, ListQuery, NumberFilter, where
from schemas.types.text import TextRule

Rating = Annotated[float, Field(ge=0, le=5, examples=[5.0]), Number]
Comment = Annotated[str, TextRule(2000, min_length=0), Field(examples=["Excellent product!"])]


class ReviewCreate(BaseSchema):
    rating: Rating
    comment: Comment | None = None
    product_id: IdKey


class ReviewUpdate(BaseSchema):
    model_config = example(rating=4.5, comment="Still excellent.")

    rating: Rating = absent()
    comment: Comment | None = absent()
    product_id: IdKey = absent()


class ReviewSchema(ReviewCreate, StoredSchema):
    """Stored review."""


class ReviewFilters(ListQuery):
    product_id: Annotated[IdFilter | None, where("product_id")] = None
    min_rating: Annotated[NumberFilter | None, where("rating", operator=">=")] = None
    max_rating: Annotated[NumberFilter | None, where("rating", operator="<=")] = None
    sort: Literal["id_key", "-id_key", "rating", "-rating"] = "id_key"
