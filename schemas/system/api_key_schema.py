"""Schemas of API keys."""

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.base_model import BaseModel
from schemas.base_schema import BaseSchema, IdKey, Moment, StoredSchema
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.text import TextRule

RESOURCES = sorted(model.__tablename__ for model in BaseModel.__subclasses__() if model.is_resource)
SCOPE = rf"^(read|({'|'.join(RESOURCES)}):(read|write))$"
DAY_SECONDS = 86_400


def _normal_network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        message = "Input should be a network such as 203.0.113.0/24 or 2001:db8::/32, or an address"
        raise PydanticCustomError("network", message) from None


def _without_repeats(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


KeyRole = Literal["admin", "client"]
Scope = Annotated[str, Field(pattern=SCOPE)]
NetworkText = Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]{2,39}(/[0-9]{1,3})?$"), AfterValidator(_normal_network)]
Scopes = Annotated[
    list[Scope],
    Field(
        min_length=1,
        max_length=100,
        examples=[["products:write", "orders:read"]],
        description="`read` reads everything, `orders:read` one resource; `orders:write` reads and writes it. "
        "Without scopes, the key may do all that its role may.",
    ),
    AfterValidator(_without_repeats),
]
Networks = Annotated[
    list[NetworkText],
    Field(
        min_length=1,
        max_length=100,
        examples=[["203.0.113.0/24"]],
        description="Client addresses that may use the key. Without networks, all may.",
    ),
    AfterValidator(_without_repeats),
]
End = Annotated[Moment, Field(examples=["2099-12-31T23:59:59Z"], description="In the future; without it, never.")]


class ApiKeyCreate(BaseSchema):
    description: Annotated[str, TextRule(200), Field(examples=["Warehouse sync"])] | None = None
    role: KeyRole = Field(examples=["admin"])
    client_id: IdKey | None = Field(default=None, examples=[None], description="With the role `client` only.")
    scopes: Scopes | None = None
    networks: Networks | None = None
    expires_at: End | None = None


class ApiKeyRotation(BaseSchema):
    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=30 * DAY_SECONDS)] = Field(
        default=DAY_SECONDS, examples=[DAY_SECONDS], description="How long the old key stays valid."
    )
    expires_at: End | None = Field(default=None, description="The end of the new key; without it, that of the old one.")


class ApiKeySchema(ApiKeyCreate, StoredSchema):
    """API key without its secret."""

    name: str = Field(description="As in the audit log and in limits. Not secret.", examples=["826a4a71"])
    created_at: Moment
    last_used_at: Moment | None = Field(description="Accurate to a minute.")
    revoked_at: Moment | None = Field(description="When it was deleted. Only lists with `revoked=true` show it.")
    replaced_by_id: IdKey | None = Field(description="The key that a rotation made.")


class NewApiKeySchema(ApiKeySchema):
    """API key with its secret, which no other response contains."""

    key: str | None = Field(
        default=None,
        description="The value for `X-API-Key`. Shown once: repeats with the same `Idempotency-Key` do not contain it.",
        examples=[f"eck_{'0' * 43}……"],  # no key, so that secret scanners do not find one
    )


class ApiKeyFilters(ListQuery):
    name: Annotated[Annotated[str, TextRule(20)] | None, where("name")] = None
    role: Annotated[KeyRole | None, where("role")] = None
    client_id: Annotated[IdFilter | None, where("client_id")] = None
    revoked: Annotated[bool | None, where("revoked_at", operator="present")] = False
    sort: Literal["id_key", "-id_key"] = "id_key"
