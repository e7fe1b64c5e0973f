"""Settings in environment variables: secrets in files, and messages about wrong values.

Fields are those of a pydantic model, by name. The variable of a field is its name in capitals.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from infrastructure.texts import one_line

Fields = Mapping[str, FieldInfo]

_WRONG_SETTING = "wrong_setting"
# Host, port and database, as they look without a misplaced password.
_PLACE = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)?(:\d*)?(/[\w-]*)?(\?db=\w*)?")


def secret_variables(fields: Fields) -> list[str]:
    """Return the variables of the fields that hold secrets."""
    return [name.upper() for name, field in fields.items() if _is_secret(field)]


def read_secret_files(fields: Fields) -> dict[str, str]:
    """Return the secrets in files by field. `NAME_FILE` names the file of `NAME`: containers pass secrets this way.

    Exits with one line when a file cannot be read.
    """
    values = {}
    for name in secret_variables(fields):
        file = os.environ.get(f"{name}_FILE")
        if not file:
            continue
        try:
            values[name.lower()] = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            sys.exit(f"{name}_FILE={one_line(file)}: {error.strerror} (a file with the secret)")
        except ValueError:
            sys.exit(f"{name}_FILE={one_line(file)}: is not UTF-8 text (a file with the secret)")
    return values


def wrong_setting(name: str, value: object, problem: str) -> PydanticCustomError:
    """Return the error for a field that does not fit others. A validator of the model raises it."""
    given = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return PydanticCustomError(_WRONG_SETTING, "{problem}", {"problem": problem, "name": name, "value": given})


def explain(error: ValidationError, fields: Fields) -> str:
    """Return `NAME=value: problem (allowed values)` for each wrong value, without secrets."""
    return "\n".join(_explain(item, fields) for item in error.errors())


def _explain(item: ErrorDetails, fields: Fields) -> str:
    if item["type"] == _WRONG_SETTING:
        place, value = item["ctx"]["name"], item["ctx"]["value"]
    else:
        place, value = str(item["loc"][0]), str(item["input"])
    field = fields[place.lower()]
    name = _given_variable(field) or place.upper()
    allowed = field.description or ("true or false" if field.annotation is bool else "")
    problem = one_line(item["msg"].removeprefix("Value error, "))
    return f"{name}={_shown(name, value, _is_secret(field))}: {problem}" + f" ({allowed})" * bool(allowed)


def _given_variable(field: FieldInfo) -> str | None:
    """Return the variable that is set, of a field that has several."""
    alias = field.validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else ()
    return next((name for name in names if isinstance(name, str) and os.environ.get(name)), None)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _shown(name: str, value: str, is_secret: bool) -> str:
    """Return the value of a variable on one line, without secrets.

    Of a URL that may contain a secret anywhere, only host, port and database remain, and only if they look like that.
    """
    if not (name.endswith("_URL") and "://" in value):
        return "(secret)" if is_secret else one_line(value)
    scheme, _, rest = value.partition("://")
    _, at, place = rest.rpartition("@")
    if is_secret and not _PLACE.fullmatch(place):
        place = "(secret)"
    return one_line(f"{scheme}://{'(secret)@' if at else ''}{place}")
