"""Settings of this process, and the messages about wrong values."""

import os
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.settings.combined import Settings
from config.texts import one_line, shown_url

SECRETS = (
    *("POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "DATABASE_URL", "MIGRATION_DATABASE_URL"),
    *("DATABASE_REPLICA_URLS", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"),
    *("REDIS_PASSWORD", "REDIS_URL", "REDIS_SENTINEL_PASSWORD", "RATE_LIMIT_REDIS_URL", "JWT_SECRET"),
)


def read_secret_files(environment: dict[str, str]) -> dict[str, str]:
    """Read the value of `NAME` from the file that `NAME_FILE` points to: containers pass secrets this way.

    Exits with one line when a file cannot be read.
    """
    files = {name: environment[f"{name}_FILE"] for name in SECRETS if environment.get(f"{name}_FILE")}
    values = {}
    for name, file in files.items():
        try:
            values[name.lower()] = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            sys.exit(f"{name}_FILE={one_line(file)}: {error.strerror} (a file with the secret)")
        except ValueError:
            sys.exit(f"{name}_FILE={one_line(file)}: is not UTF-8 text (a file with the secret)")
    return values


_inherited: list[Settings] = []  # at most one


def inherit_settings(settings: Settings) -> None:
    """Make `load_settings` return the settings of the parent process, although its environment and .env may change."""
    _inherited[:] = [settings]


def load_settings() -> Settings:
    """Load the settings of this process. Exit with one line for each wrong variable: name, value, allowed values."""
    if _inherited:
        return _inherited[0]
    try:
        return Settings(**read_secret_files(dict(os.environ)))  # type: ignore[arg-type] # plain text; pydantic converts it
    except ValidationError as error:
        sys.exit("\n".join(_explain(item) for item in error.errors()))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except UnicodeDecodeError:
        sys.exit(".env: is not UTF-8 text")


def _explain(item: Any) -> str:
    """Return `NAME=value: problem (allowed values)` for an error of pydantic."""
    name, value = (
        (item["ctx"]["name"], item["ctx"]["value"]) if item["type"] == "setting" else (item["loc"][0], item["input"])
    )
    field, name = Settings.model_fields.get(str(name).lower()), str(name).upper()
    if name == "API_PORT" and os.environ.get("PORT") and not os.environ.get(name):
        name = "PORT"
    allowed = (field and field.description) or ("true or false" if field and field.annotation is bool else "")
    problem = one_line(item["msg"].removeprefix("Value error, "))
    return f"{name}={_shown(name, str(value))}: {problem}" + f" ({allowed})" * bool(allowed)


def _shown(name: str, value: str) -> str:
    """Return the value of a setting without secrets, on one line."""
    if name.endswith("_URL") and "://" in value:
        return shown_url(value, is_secret=name in SECRETS)
    return "(secret)" if name in SECRETS else one_line(value)
