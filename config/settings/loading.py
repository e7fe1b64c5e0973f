"""Settings of this process."""

import sys

from pydantic import ValidationError

from config.settings.combined import Settings
from infrastructure.environment import explain, read_secret_files

_inherited: list[Settings] = []  # at most one


def inherit_settings(settings: Settings) -> None:
    """Make `load_settings` return the settings of the parent process, although its environment and .env may change."""
    _inherited[:] = [settings]


def load_settings() -> Settings:
    """Load the settings of this process. Exit with one line for each wrong variable: name, value, allowed values."""
    if _inherited:
        return _inherited[0]
    try:
        return Settings(**read_secret_files(Settings.model_fields))  # type: ignore[arg-type] # text; pydantic converts it
    except ValidationError as error:
        sys.exit(explain(error, Settings.model_fields))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except UnicodeDecodeError:
        sys.exit(".env: is not UTF-8 text")
