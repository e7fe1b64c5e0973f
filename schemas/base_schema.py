"""Constrained types shared by create and update schemas, base classes of bodies, and conversion from and to JSON."""

import json
import operator
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from schemas.types.documentation import add_nulls, add_optional
from schemas.types.text import TextRule

MAX_KEY = 2**63 - 1
MAX_INTEGER = 2_147_483_647
TIMESTAMPS = ("created_at", "updated_at")
INT64 = {"format": "int64"}
"""For code generators, which would read ids into 32 bits."""

_starts_with_day = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).match


def _is_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("number_type", "Input should be a number")
    return value


def _is_whole(value: Any) -> Any:
    """Raise an error unless the value is an int. An enum would convert any number, and 1e99999999 takes minutes."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


def _is_iso_text(value: Any) -> Any:
    """Raise an error for text that does not start with a date. Pydantic takes plain digits for seconds since 1970."""
    if not isinstance(value, str | date) or (isinstance(value, str) and not _starts_with_day(value.strip())):
        raise PydanticCustomError("iso_type", "Input should be a text in ISO 8601 form")
    return value


def _in_utc(moment: datetime) -> datetime:
    """Convert a time to UTC. A time without a zone is UTC."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


Number = BeforeValidator(_is_number)
Whole = BeforeValidator(_is_whole)
Iso = BeforeValidator(_is_iso_text)

Name = Annotated[str, TextRule(100)]
Quantity = Annotated[int, Field(strict=True, gt=0, le=MAX_INTEGER, examples=[2])]
Stock = Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER, examples=[10])]
Moment = Annotated[datetime, Iso, AfterValidator(_in_utc)]
Day = Annotated[date, Iso]
# Unbounded: an id beyond the range of the column is a 404, not a validation error.
IdKey = Annotated[int, Field(strict=True, examples=[1], json_schema_extra=INT64)]


def is_storable_key(id_key: int) -> bool:
    """Return True if the key column can hold the number; PostgreSQL would answer an error, not an absence."""
    return 0 < id_key <= MAX_KEY


def utc_now() -> datetime:
    return datetime.now(UTC)


def utc_today() -> date:
    return utc_now().date()


def example(**body: Any) -> ConfigDict:
    """Declare a whole body for the documentation, where examples of single fields do not fit together."""
    return ConfigDict(json_schema_extra={"example": body})


def absent() -> Any:
    """Declare an optional field of an update. Without it in the request, the stored value stays."""
    return Field(default_factory=NoneType)


def _has_default(field: FieldInfo | None) -> bool:
    """Return True for an optional field, but not for one of an update."""
    return field is not None and not field.is_required() and field.default_factory is not NoneType


def only_if_set(default: Any, description: str) -> Any:
    """Declare a field that a response contains only if it is set: neither null nor false."""
    return Field(default, description=description, exclude_if=operator.not_)


class BaseSchema(BaseModel):
    """Base class of request and response bodies.

    For a field with a default, null equals omitting it: front ends in JavaScript send nulls.
    """

    model_config = ConfigDict(
        allow_inf_nan=False,
        extra="ignore",
        json_schema_serialization_defaults_required=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _omit_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        fields = cls.model_fields
        return {name: value for name, value in data.items() if value is not None or not _has_default(fields.get(name))}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Document the nulls that a request body may contain."""
        schema = handler(core_schema)
        if handler.mode == "validation":
            add_nulls(
                handler.resolve_ref_schema(schema),
                {name for name, field in cls.model_fields.items() if _has_default(field)},
            )
        return schema

    def given(self) -> dict[str, Any]:
        """Return the fields that the request contains, by name."""
        return self.model_dump(exclude_unset=True)


class NothingToWrite(BaseSchema):
    """Empty body of objects that only the service writes, or that have endpoints of their own."""


class StoredSchema(BaseSchema):
    """Base class of read schemas. They also inherit from their create schema, and `id_key` comes first."""

    id_key: IdKey = Field(default=0, description="Set by the server.")

    @classmethod
    def only_if_set(cls) -> tuple[str, ...]:
        return tuple(name for name, field in cls.model_fields.items() if field.exclude_if)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Document the fields that may be missing, and those that a request may ask for."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        add_optional(handler.resolve_ref_schema(schema), TIMESTAMPS, cls.only_if_set())
        return schema


def to_json(value: Any) -> bytes:
    """Serialize to JSON. All responses use it, so an object always has the same bytes."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


from_json = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode
"""Return the value, with exact numbers. Raises ValueError, RecursionError or ArithmeticError if it is not JSON."""
