"""The class of all settings."""

from typing import Self

from pydantic import SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from config.settings.access import AccessSettings
from config.settings.checks import wrong_settings
from config.settings.empty_lists import EmptyLists
from config.settings.monitoring import LogSettings, TelemetrySettings
from config.settings.postgres import PostgresSettings
from config.settings.redis import RedisSettings
from config.settings.server import ServerSettings
from config.settings.shop import PaymentSettings, ShopSettings
from infrastructure.redis.address import RedisAddress, parse_redis_url


class Settings(
    TelemetrySettings,
    ShopSettings,
    LogSettings,
    PaymentSettings,
    AccessSettings,
    ServerSettings,
    RedisSettings,
    PostgresSettings,
):
    """Names, units, defaults and bounds of all settings. `.env.example` explains each one to operators.

    pydantic takes the fields of the last group first, and reports errors in this order.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        empty_lists = EmptyLists(settings_cls, getattr(dotenv_settings, "env_file", None))
        return init_settings, empty_lists, env_settings, dotenv_settings

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        for name, value, problem in wrong_settings(self):
            given = value.get_secret_value() if isinstance(value, SecretStr) else value
            raise PydanticCustomError("setting", "{problem}", {"problem": problem, "name": name, "value": given})
        return self

    @property
    def embeds_servers(self) -> bool:
        return self.embeds_postgres or self.embeds_redis

    def limiter_address(self) -> RedisAddress | None:
        """Return the address of the limiter's own Redis, or None if it has none."""
        if self.rate_limit_redis_url is None or not (self.redis_enabled and self.rate_limit_enabled):
            return None
        address = parse_redis_url(self.rate_limit_redis_url.get_secret_value())
        return address._replace(ca_file=self.redis_ca_file)
