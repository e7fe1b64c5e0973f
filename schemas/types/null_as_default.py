"""Nulls in creations: for a field with a default, null equals omitting it. Front ends in JavaScript send them."""

from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


def nothing() -> None:
    """Return the value of a field that an update does not contain."""


class NullAsDefault(BaseModel):
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
        properties = handler.resolve_ref_schema(schema).get("properties", {}) if handler.mode == "validation" else {}
        for name in properties:
            if _has_default(cls.model_fields[name]):
                properties[name] = _or_null(properties[name])
        return schema


def _has_default(field: FieldInfo | None) -> bool:
    """Return True for an optional field, but not for one of an update."""
    return field is not None and not field.is_required() and field.default_factory is not nothing


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of the same values and of null."""
    if {"type": "null"} in schema.get("anyOf", ()):
        return schema
    about: JsonSchemaValue = {
        name: schema[name] for name in ("title", "description", "default", "examples") if name in schema
    }
    values = {name: value for name, value in schema.items() if name not in about}
    return {"anyOf": [values, {"type": "null"}], **about}
