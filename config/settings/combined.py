"""The class of all settings."""

from typing import Any, Self

from pydantic import model_validator
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, PydanticBaseSettingsSource

from config.settings.access import AccessSettings, ListSettings, RateLimitSettings
from config.settings.checks import check_combination
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
    ListSettings,
    RateLimitSettings,
    ServerSettings,
    RedisSettings,
    PostgresSettings,
):
    """Names, units, defaults and bounds of all settings. `.env.example` explains each one to operators.

    pydantic takes the fields of the last group first, and reports errors in this order.
    """

    @classmethod
    def settings_customise_sources(cls, *args: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put in front of environment and `.env` the same two for lists only, in which an empty value counts."""
        arguments, *others = super().settings_customise_sources(*args, **sources)
        file = sources["dotenv_settings"].env_file
        return (
            arguments,
            EnvSettingsSource(ListSettings, env_ignore_empty=False),
            DotEnvSettingsSource(ListSettings, file, dotenv_filtering="only_existing", env_ignore_empty=False),
            *others,
        )

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        check_combination(self)
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
