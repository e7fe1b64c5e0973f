"""Schemas of categories."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import BaseSchema, Name, StoredSchema, absent, example
from schemas.list_query import ListQuery, Words, where


class CategoryCreate(BaseSchema):
    name: Name = Field(examples=["Electronics"])


class CategoryUpdate(BaseSchema):
    model_config = example(name="Home Audio")

    name: Name = absent()


class CategorySchema(CategoryCreate, StoredSchema):
    """Stored category."""


class CategoryFilters(ListQuery):
    q: Annotated[Words | None, where("search_text", operator="words")] = None
    sort: Literal["id_key", "-id_key", "name", "-name"] = "id_key"
