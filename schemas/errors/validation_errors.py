"""Validation errors as clients see them: in the terms of JSON, in valid UTF-8, and without the input."""

from collections.abc import Sequence
from typing import Any

from schemas.types.text import VISIBLE

_MESSAGES = {
    "decimal_max_places": "Input should have no more than {decimal_places} decimal places",
    "model_attributes_type": "Input should be an object",
    "model_type": "Input should be an object",
    "none_required": "Input should be left out",
}


def public_error(error: dict[str, Any]) -> dict[str, Any]:
    """Return Pydantic's error without names of Python classes and without the input, which may be hostile."""
    kind, message = _describe(error)
    loc: Sequence[Any] = error["loc"]
    return {
        "loc": [_encodable(part) if isinstance(part, str) else part for part in loc],
        "msg": _encodable(message),
        "type": kind,
    }


def _describe(error: dict[str, Any]) -> tuple[str, str]:
    """Return the type and the message. A validator before a length check makes Pydantic count the items of a text."""
    kind, message, context = error["type"], error["msg"], error.get("ctx", {})
    if kind == "string_pattern_mismatch" and context["pattern"] == VISIBLE:
        return kind, "Input should be visible characters without spaces"
    if kind in _MESSAGES:
        return kind, _MESSAGES[kind].format_map(context)
    if kind == "too_long" and isinstance(error.get("input"), str):
        return "string_too_long", f"String should have at most {_characters(context['max_length'])}"
    if kind == "too_short" and isinstance(error.get("input"), str):
        return "string_too_short", f"String should have at least {_characters(context['min_length'])}"
    return kind, message.removeprefix("Value error, ")


def _characters(count: int) -> str:
    return f"{count} character" if count == 1 else f"{count} characters"


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()
