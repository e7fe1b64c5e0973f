"""What Schemathesis may not call a failure: answers for reasons that no schema can express.

Each is named as narrowly as an answer tells it; everything else that is valid by its schema has to be accepted, and
what is not has to be refused.
"""

import uuid
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.openapi.checks import RejectedPositiveData

# A bound on one field by another, or by what is stored: the type of the error, and where it stands.
BETWEEN_FIELDS = (
    ("after_id_order", ["query"]),
    ("discount_above_total", ["body"]),
    ("value_error", ["body", "discount"]),
)


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], __: dict[str, Any]) -> None:
    """A key is good for one request only. Schemathesis repeats a few, and would learn of nothing but repeats."""
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and _is_key(key):
        case.headers["Idempotency-Key"] = f"{key[:200]}{uuid.uuid4()}"


@schemathesis.hook
def filter_failure(_: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    if isinstance(failure, AcceptedNegativeData):
        return not _is_short_when_trimmed(failure, case.body)
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    return not all(_is_beyond_schemas(error, case.body) for error in response.json()["detail"])


def _is_short_when_trimmed(failure: AcceptedNegativeData, body: Any) -> bool:
    """Texts are measured without the whitespace around them."""
    texts = [value for value in body.values() if isinstance(value, str)] if isinstance(body, dict) else []
    return "violates `maxLength`" in failure.message and any(text != text.strip() for text in texts)


def _is_beyond_schemas(error: Any, body: Any) -> bool:
    if error["loc"] == ["body", "email"] and "special-use or reserved name" in error["msg"]:
        return True  # which domains are reserved is a list, and a long one
    if error["type"] == "int_type":
        # To JSON Schema 2.0 is an integer. To this service it is none, so that no number is ever rounded.
        return isinstance(_at(body, error["loc"][1:]), float)
    return (error["type"], error["loc"]) in BETWEEN_FIELDS


def _is_key(text: str) -> bool:
    return 1 <= len(text) <= 255 and text.isascii() and text.isprintable()


def _at(value: Any, loc: list[Any]) -> Any:
    for part in loc:
        value = value[part]
    return value
