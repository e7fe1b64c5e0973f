"""Base of the groups of settings, and types that several groups use."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infrastructure.texts import parts_of_list


def split(value: Any) -> Any:
    return parts_of_list(value) if isinstance(value, str) else value


Port = Annotated[int, Field(ge=1, le=65535)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]


class SettingsGroup(BaseSettings):
    """Settings of one subject. The class `Settings` has those of all groups."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True)
