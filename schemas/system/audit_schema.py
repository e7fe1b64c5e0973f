"""Schemas of the audit log."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import Moment, StoredSchema
from schemas.list_query import FromMoment, ListQuery, ToMoment, where
from schemas.types.text import TextRule

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class AuditEntrySchema(StoredSchema):
    """Change of an object, or refusals of a route."""

    created_at: Moment
    principal: str = Field(
        description="The name of an admin's key, an admin's subject, or `client:` and its `id_key`. For a client "
        "that does not exist any more: its pseudonym. Empty without credentials.",
        examples=["client:5", "key:826a4a71"],
    )
    request_id: str = Field(description="Set by the server.", examples=["9f86d081884c7d65-1"])
    caller_request_id: str | None = Field(description="The `X-Request-ID` of the request.", examples=[None])
    method: Method
    path: str = Field(
        description="With pseudonyms for a client that does not exist any more, and for its objects. Of refusals: "
        "the template of the route.",
        examples=["/products/5", "/orders/{id_key}"],
    )
    status: int = Field(examples=[200, 403])
    times: int = Field(description="Equal refusals within `AUDIT_INTERVAL`, and 1 for a change.", examples=[1])


class AuditFilters(ListQuery):
    principal: Annotated[Annotated[str, TextRule(255)] | None, where("principal")] = None
    method: Annotated[Method | None, where("method")] = None
    path: Annotated[Annotated[str, TextRule(2000)] | None, where("path")] = None
    date_from: Annotated[FromMoment | None, where("created_at", operator=">=")] = None
    date_to: Annotated[ToMoment | None, where("created_at", operator="<=")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
