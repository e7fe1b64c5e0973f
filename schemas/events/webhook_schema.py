"""Schemas of webhooks."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from schemas.base_schema import BaseSchema, IdKey, Moment, StoredSchema, absent, example
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.text import TextRule

_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
URL = rf"^[Hh][Tt][Tt][Pp][Ss]?://{_HOST}(:[0-9]{{1,5}})?([/?#][!-~]*)?$"
"""An http or https URL without credentials. Its host is an address or a name (RFC 1123, and Docker's underscore)."""


def _is_url(text: str) -> str:
    """Raise an error unless the text matches URL, and has a possible port and address."""
    try:
        is_usable = bool(re.fullmatch(URL, text)) and urlsplit(text).port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise PydanticCustomError("url", "Input should be a URL such as https://example.com/webhooks")
    return text


def _without_repeats(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


Url = Annotated[
    str,
    TextRule(2000),
    AfterValidator(_is_url),
    Field(
        examples=["https://example.com/webhooks"],
        description="`https`, at a public address, unless `WEBHOOK_ALLOW_PRIVATE` is set.",
        json_schema_extra={"pattern": URL},
    ),
]
EventType = Annotated[str, Field(pattern=r"^(\*|[a-z_]{1,30}\.(\*|[a-z_]{1,30}))$")]
EventTypes = Annotated[
    list[EventType],
    Field(
        min_length=1,
        max_length=100,
        examples=[["order.*", "stock.low"]],
        description="Types of events, `order.*` for all of orders, `*` for all.",
    ),
    AfterValidator(_without_repeats),
]
Description = Annotated[str, TextRule(200), Field(examples=["Warehouse"])]
DeliveryStatus = Literal["waiting", "sent", "failed"]


class WebhookEndpointCreate(BaseSchema):
    url: Url
    event_types: EventTypes
    description: Description | None = None


class WebhookEndpointUpdate(BaseSchema):
    model_config = example(event_types=["order.*"])

    url: Url = absent()
    event_types: EventTypes = absent()
    description: Description | None = absent()
    enabled: Annotated[bool, Field(strict=True)] = absent()


class WebhookEndpointSchema(WebhookEndpointCreate, StoredSchema):
    """Webhook endpoint without its secret."""

    enabled: bool = Field(description="False after a response with status 410, until it is set again.")
    created_at: Moment


class NewWebhookEndpointSchema(WebhookEndpointSchema):
    """Webhook endpoint with its secret, which no other response contains."""

    secret: str | None = Field(
        default=None,
        description="The key of the signatures. Shown once: repeats with the same `Idempotency-Key` do not contain it.",
        examples=["whsec_…"],
    )


class WebhookEndpointFilters(ListQuery):
    enabled: Annotated[bool | None, where("enabled")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"


class WebhookDeliverySchema(StoredSchema):
    """Delivery of an event to an endpoint."""

    endpoint_id: IdKey
    event_id: IdKey
    status: DeliveryStatus
    attempts: int
    response_status: int | None = Field(description="Status of the last response.", examples=[200])
    error: str | None = Field(description="The reason why the last attempt failed.", examples=[None])
    created_at: Moment
    last_attempt_at: Moment | None
    next_attempt_at: Moment | None = Field(description="Deliveries before this one may delay it.")


class WebhookDeliveryFilters(ListQuery):
    endpoint_id: Annotated[IdFilter | None, where("endpoint_id")] = None
    event_id: Annotated[IdFilter | None, where("event_id")] = None
    status: Annotated[DeliveryStatus | None, where("status")] = None
    sort: Literal["id_key", "-id_key"] = "id_key"
