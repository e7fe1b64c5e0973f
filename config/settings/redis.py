"""Settings of Redis: a server, Sentinels or a cluster, and the cache in it."""

from pathlib import Path

from pydantic import Field, SecretStr

from config.settings.group import CommaSeparated, Port, SettingsGroup
from infrastructure.redis.address import RedisAddress, parse_redis_url


class RedisSettings(SettingsGroup):
    redis_enabled: bool = True
    redis_host: str | None = Field(None, description="host name; unset starts an embedded server")
    redis_port: Port = Field(6379, description="TCP port, 1-65535")
    redis_db: int = Field(0, ge=0, le=15, description="database number, 0-15")
    redis_username: str = Field("", description="user of Redis; empty for its default user")
    redis_password: SecretStr = SecretStr("")
    redis_url: SecretStr | None = Field(None, description="redis://user:password@host:port/db")
    redis_ca_file: Path | None = Field(None, description="PEM file with the certificates of a CA, for rediss://")
    redis_sentinels: CommaSeparated = Field((), description="host:port of each Sentinel, separated by commas")
    redis_sentinel_master: str = Field("mymaster", min_length=1, description="name of the master in Sentinel")
    redis_sentinel_password: SecretStr = SecretStr("")
    redis_cluster: bool = False
    redis_prefix: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_.:-]{1,32}$", description="letters, digits and . : _ - of all keys, up to 32"
    )
    redis_cache_ttl: int = Field(300, ge=1, le=86400, description="seconds a cached product lives, 1-86400")
    redis_max_connections: int = Field(
        50, ge=1, le=1000, description="connections of the redis-py pool of scripts, 1-1000"
    )

    @property
    def embeds_redis(self) -> bool:
        return self.redis_enabled and not (self.redis_host or self.redis_url or self.redis_sentinels)

    def redis_address(self) -> RedisAddress | None:
        """Return the address of Redis, or None when Redis is disabled.

        REDIS_URL counts before host, port and database. A user or password that it lacks comes from the own settings.
        """
        if not self.redis_enabled:
            return None
        address = RedisAddress(self.redis_host or "localhost", self.redis_port, self.redis_db, "")
        if self.redis_url:
            address = parse_redis_url(self.redis_url.get_secret_value())
        return address._replace(
            username=address.username or self.redis_username,
            password=address.password or self.redis_password.get_secret_value(),
            ca_file=self.redis_ca_file,
        )
