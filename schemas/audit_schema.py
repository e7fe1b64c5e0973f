"""Schemas of the audit log."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import Moment, StoredSchema
from schemas.list_query import FromMoment, ListQuery, ToMoment, where
from schemas.text import TextRule

Method = Literal["POST", "PUT", "PATCH", "DELETE"]


class AuditEntrySchema(StoredSchema):
    """Change of an object."""

    created_at: Moment
    principal: str = Field(description="The name of a key, or a token's subject; empty where the service is open.")
    request_id: str = Field(description="The `X-Request-ID` of its answer.", examples=["9f86d081884c7d65-1"])
    method: Method
    path: str = Field(examples=["/products/5"])
    status: int = Field(examples=[200])


class AuditFilters(ListQuery):
    principal: Annotated[Annotated[str, TextRule(255)] | None, where("principal")] = None
    method: Annotated[Method | None, where("method")] = None
    path: Annotated[Annotated[str, TextRule(2000)] | None, where("path")] = None
    date_from: Annotated[FromMoment | None, where("created_at", operator=">=")] = None
    date_to: Annotated[ToMoment | None, where("created_at", operator="<=")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
