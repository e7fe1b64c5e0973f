"""Parts of the API description that Pydantic does not know: nulls, and fields that may be missing."""

from collections.abc import Collection, Set

from pydantic.json_schema import JsonSchemaValue

INCLUDED = {"type": "string", "format": "date-time", "description": "With `include=timestamps`."}


def add_nulls(schema: JsonSchemaValue, names: Set[str]) -> None:
    """Add null to the values of these fields."""
    properties = schema.get("properties", {})
    for name in properties.keys() & names:
        properties[name] = _or_null(properties[name])


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of the same values and of null."""
    if {"type": "null"} in schema.get("anyOf", ()):
        return schema
    about: JsonSchemaValue = {
        name: schema[name] for name in ("title", "description", "default", "examples") if name in schema
    }
    values = {name: value for name, value in schema.items() if name not in about}
    return {"anyOf": [values, {"type": "null"}], **about}


def add_optional(schema: JsonSchemaValue, included: Collection[str], only_if_set: Collection[str]) -> None:
    """Add the fields that a request may ask for. Those that a response contains only if set are not required."""
    properties = schema["properties"]
    schema["properties"] = properties | {name: properties.get(name, INCLUDED) for name in included}
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in only_if_set]
