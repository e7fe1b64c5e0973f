"""Source of settings for lists that are set to nothing. For other settings, an empty value means unset."""

import os
from typing import Any

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

LISTS = ("cors_origins", "trusted_proxies")


class EmptyLists(PydanticBaseSettingsSource):
    def __init__(self, settings_class: type[BaseSettings], env_file: Any) -> None:
        super().__init__(settings_class)
        self._given = {**(dotenv_values(env_file) if env_file else {}), **os.environ}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._given.get(field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the empty lists by field. The environment counts before the file."""
        return {name: "" for name in LISTS if self._given.get(name.upper()) == ""}
