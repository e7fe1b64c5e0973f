"""E-mail addresses: one normal form for bodies and filters."""

import re
from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.types.text import TextRule

MAX_LENGTH = 254
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SPECIAL = "|".join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))
# Addresses that the library returns unchanged. Capital letters and Punycode (`xn--`) are not among them: it writes the
# domain in lower case, `Info@` as `info@`, and decodes Punycode.
_is_normal = re.compile(
    rf"(?=.{{6,{MAX_LENGTH}}}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@"
    rf"(?!(?:.*\.)?(?:{_SPECIAL})\Z)(?:{_LABEL}\.)+[a-z]{{2,63}}\Z"
).match


def normal_email(text: str) -> str:
    """Return the address in NFC, with its domain in Unicode and lower case.

    Raises EmailNotValidError, also for `Jane <jane@example.com>`. Plain addresses skip the library, because it takes a
    fifth of the time of a creation.
    """
    return text if _is_normal(text) else validate_email(text, check_deliverability=False).normalized


def _valid(text: str) -> str:
    try:
        return normal_email(text)
    except EmailNotValidError as error:
        raise PydanticCustomError(
            "value_error", "value is not a valid email address: {reason}", {"reason": str(error)}
        ) from None


def _searched(text: str) -> str:
    """Return the normal form of an address. Any other text finds nothing."""
    try:
        return normal_email(text)
    except EmailNotValidError:
        return text


Email = Annotated[
    str,
    TextRule(MAX_LENGTH),
    AfterValidator(_valid),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_LENGTH}),
    Field(examples=["john@example.com"], description="Domains for special use, as `.test` is one, are refused."),
]
EmailFilter = Annotated[str, TextRule(MAX_LENGTH), AfterValidator(_searched)]
