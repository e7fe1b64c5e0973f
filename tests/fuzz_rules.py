"""Exceptions for Schemathesis: refusals for reasons that no schema can express.

Each exception is as narrow as the response allows. All other input that matches its schema must be accepted, and input
that does not match must be refused.
"""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.openapi.checks import RejectedPositiveData

from schemas.types.money import to_whole_cents
from schemas.types.text import normalize

# Bounds that depend on another field, on stored data or on the time: the type and the location of the error.
BETWEEN_FIELDS = (
    ("after_id_order", ["query"]),
    ("too_many_words", ["query", "q"]),
    ("value_error", ["body", "role"]),
    ("value_error", ["body", "expires_at"]),
    ("value_error", ["body", "url"]),  # a private address, or no https
    ("url", ["body", "url"]),  # a port above 65535, or brackets without an address
)


@schemathesis.serializer("application/x-ndjson")
def as_file(_: Any, value: Any) -> bytes:
    return str(value).encode(errors="surrogatepass")


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], __: dict[str, Any]) -> None:
    """Make each idempotency key unique. Schemathesis reuses a few, and would see only replays."""
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and _is_key(key):
        case.headers["Idempotency-Key"] = f"{key[:200]}{uuid.uuid4()}"


@schemathesis.hook
def filter_failure(_: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    if isinstance(failure, AcceptedNegativeData):
        if response.status_code == 412:
            return False  # whether a reference exists is checked after `If-Match`
        return not (_fits_in_normal_form(failure, case) or _counts_as_whole_cents(failure, case))
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    found = response.json()
    if "errors" in found:
        return False  # lines of a file have no schema
    return not all(_is_beyond_schemas(error, case.body) for error in found["detail"])


def _fits_in_normal_form(failure: AcceptedNegativeData, case: Case[Any]) -> bool:
    """Return True if a text is too long, or has spaces, only before the service trims and composes it."""
    parts = [part for part in (case.body, case.query) if isinstance(part, Mapping)]
    texts = [value for part in parts for value in part.values() if isinstance(value, str)]
    is_about_form = any(f"violates `{keyword}`" in failure.message for keyword in ("maxLength", "pattern"))
    return is_about_form and any(len(normalize(text)) < len(text) for text in texts)


def _counts_as_whole_cents(failure: AcceptedNegativeData, case: Case[Any]) -> bool:
    """Return True if a number is almost a whole cent; the service takes it for that cent."""
    is_about_bounds = any(keyword in failure.message.lower() for keyword in ("multiple", "minimum", "maximum"))
    return is_about_bounds and (_has_almost_a_cent(case.body) or _has_almost_a_cent(case.query))


def _has_almost_a_cent(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_almost_a_cent, value.values()))
    if isinstance(value, list):
        return any(map(_has_almost_a_cent, value))
    cents = to_whole_cents(value) if isinstance(value, float) else None
    return isinstance(cents, Decimal) and cents != Decimal(str(value))


def _is_beyond_schemas(error: Any, body: Any) -> bool:
    if error["loc"] == ["body", "email"] and "special-use or reserved name" in error["msg"]:
        return True  # the list of reserved domains is too long for a schema
    if error["type"] == "string_too_long":
        text = _at(body, error["loc"][1:]) if error["loc"][0] == "body" else ""
        return len(normalize(text)) > len(text)  # a few characters are two in NFC
    if error["type"] == "int_type":
        # In JSON Schema, 2.0 is an integer. This service refuses it, so that no number is ever rounded.
        return isinstance(_at(body, error["loc"][1:]), float)
    if error["type"] == "network":
        return True  # no pattern can compare the bits of a network with the length of its prefix
    if error["loc"] == ["body", "quantity"] and error["type"] in ("greater_than", "less_than"):
        return "reason" in body  # Schemathesis takes quantities from responses, whatever sign the reason demands
    return (error["type"], error["loc"]) in BETWEEN_FIELDS


def _is_key(text: str) -> bool:
    return 1 <= len(text) <= 255 and text.isascii() and text.isprintable()


def _at(value: Any, loc: list[Any]) -> Any:
    for part in loc:
        value = value[part]
    return value
