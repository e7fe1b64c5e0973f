"""Text fields and filters: one normal form, and lengths that count visible text only; the same for e-mail addresses."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# White space, control and format characters (categories Z, Cc, Cf), and the other characters without a shape: Unicode's
# Default_Ignorable_Code_Point and the blank Braille pattern.
INVISIBLE = (
    "\x00-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    "\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_NO_NUL = r"^[^\x00]*$"
_FILLED = rf"^[^\x00]*[^{INVISIBLE}][^\x00]*$"
VISIBLE = f"^[^{INVISIBLE}]*$"
"""Pattern of a text of visible characters only, without white space."""
_is_visible = re.compile(f"[^{INVISIBLE}]").search

MAX_EMAIL_LENGTH = 254
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SPECIAL = "|".join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))
# Addresses that the library returns unchanged. Capital letters and Punycode (`xn--`) are not among them: it writes the
# domain in lower case, `Info@` as `info@`, and decodes Punycode.
_is_normal_email = re.compile(
    rf"(?=.{{6,{MAX_EMAIL_LENGTH}}}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@"
    rf"(?!(?:.*\.)?(?:{_SPECIAL})\Z)(?:{_LABEL}\.)+[a-z]{{2,63}}\Z"
).match


def normalize(text: str) -> str:
    """Return the text in NFC without white space at both ends; without visible characters, the empty text.

    Text with NUL stays invalid.
    """
    text = (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()
    return text if _is_visible(text) or "\x00" in text else ""


@dataclass(frozen=True)
class TextRule:
    """Metadata of a text: its normal form, then the bounds of its length. Pydantic refuses lone surrogates."""

    max_length: int
    min_length: int = 1
    pattern: str = _NO_NUL

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(
            min_length=self.min_length or None, max_length=self.max_length, pattern=self.pattern
        )
        return core_schema.no_info_before_validator_function(_normalize_any, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        return described | {"pattern": _FILLED} if self.min_length and self.pattern == _NO_NUL else described


def _normalize_any(value: Any) -> Any:
    return normalize(value) if isinstance(value, str) else value


def normal_email(text: str) -> str:
    """Return the address in NFC, with its domain in Unicode and lower case.

    Raises EmailNotValidError, also for `Jane <jane@example.com>`. Plain addresses skip the library, because it takes a
    fifth of the time of a creation.
    """
    return text if _is_normal_email(text) else validate_email(text, check_deliverability=False).normalized


def _valid_email(text: str) -> str:
    try:
        return normal_email(text)
    except EmailNotValidError as error:
        raise PydanticCustomError(
            "value_error", "value is not a valid email address: {reason}", {"reason": str(error)}
        ) from None


def _searched_email(text: str) -> str:
    """Return the normal form of an address. Any other text finds nothing."""
    try:
        return normal_email(text)
    except EmailNotValidError:
        return text


Email = Annotated[
    str,
    TextRule(MAX_EMAIL_LENGTH),
    AfterValidator(_valid_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_EMAIL_LENGTH}),
    Field(examples=["john@example.com"], description="Domains for special use, as `.test` is one, are refused."),
]
EmailFilter = Annotated[str, TextRule(MAX_EMAIL_LENGTH), AfterValidator(_searched_email)]
