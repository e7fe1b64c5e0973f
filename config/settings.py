"""Settings of the service: one typed class, read from the environment and from `.env`."""

import ipaddress
import os
import ssl
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import URL

from config.empty_lists import EmptyLists
from config.redis_address import RedisAddress, parse_redis_url, problem_of_redis_url, problem_of_sentinel
from config.root_path import checked_root_path
from config.server_urls import (
    one_line,
    parts_of_list,
    postgres_url,
    problem_of_postgres_url,
    replica_url,
    shown_url,
)
from infrastructure.server.cores import usable_cores

Port = Annotated[int, Field(ge=1, le=65535)]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
CommaSeparated = Annotated[tuple[str, ...], NoDecode]

PRIVATE_NETWORKS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
SECRETS = (
    *("POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "DATABASE_URL", "MIGRATION_DATABASE_URL"),
    *("DATABASE_REPLICA_URLS", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"),
    *("REDIS_PASSWORD", "REDIS_URL", "REDIS_SENTINEL_PASSWORD", "RATE_LIMIT_REDIS_URL", "JWT_SECRET"),
)
JWT_SECRET_BYTES = 32  # an HS256 key must be at least as long as its hash: RFC 7518 section 3.2
MAX_WORKERS = 64
LOOPBACK_URLS = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")


class Settings(BaseSettings):
    """Names, units, defaults and bounds of all settings. `.env.example` explains each one to operators."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True)

    postgres_host: str | None = Field(None, description="host name; unset starts an embedded PostgreSQL")
    postgres_port: Port = Field(5432, description="TCP port, 1-65535")
    postgres_db: str = "ecommerce_db"
    postgres_user: str = "postgres"
    postgres_password: SecretStr = SecretStr("")
    postgres_owner: str | None = Field(None, description="role that migrates; unset: that of the service")
    postgres_owner_password: SecretStr = SecretStr("")
    database_url: SecretStr | None = Field(None, description="postgresql://user:password@host:port/database")
    migration_database_url: SecretStr | None = Field(None, description="as DATABASE_URL, for migrations only")
    database_replica_urls: SecretStr | None = Field(None, description="as DATABASE_URL, separated by commas")
    db_replica_connections: int = Field(
        4, ge=1, le=200, description="read connections a worker has to each replica, 1-200"
    )
    db_replica_max_lag: float = Field(10, gt=0, le=300, description="seconds a replica may be behind, up to 300")
    db_pool_size: int = Field(7, ge=1, le=1000, description="connections a worker keeps open, 1-1000")
    db_max_overflow: int = Field(0, ge=0, le=1000, description="connections a worker adds at peaks, 0-1000")
    db_pool_timeout: float = Field(10, gt=0, le=300, description="seconds to wait for a connection, up to 300")
    db_pool_recycle: int = Field(3600, ge=-1, description="seconds until a connection is replaced, -1 for never")
    db_threads: int = Field(
        7, ge=1, le=200, description="threads of a worker, and connections for single writes, 1-200"
    )
    db_read_connections: int = Field(4, ge=1, le=200, description="asynchronous read connections a worker, 1-200")
    db_pipeline: bool = True
    db_startup_options: bool = True
    db_connect_timeout: int = Field(2, ge=1, le=60, description="seconds, 1-60")
    db_statement_timeout: float = Field(5, gt=0, le=600, description="seconds a statement may run, up to 600")
    db_lock_timeout: float = Field(2, gt=0, le=600, description="seconds to wait for a lock, up to 600")

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

    api_host: str = "127.0.0.1"
    api_port: Port = Field(
        8000, validation_alias=AliasChoices("API_PORT", "PORT", "api_port"), description="TCP port, 1-65535"
    )
    uvicorn_workers: int = Field(
        default_factory=lambda: min(MAX_WORKERS, usable_cores()),
        validation_alias=AliasChoices("UVICORN_WORKERS", "WEB_CONCURRENCY", "uvicorn_workers"),
        ge=1,
        le=MAX_WORKERS,
        description="processes, 1-64; or WEB_CONCURRENCY; default one for each usable core",
    )
    backlog: int = Field(2048, ge=1, le=65535, description="connections waiting to be accepted, 1-65535")
    timeout_keep_alive: int = Field(5, ge=1, le=3600, description="seconds an idle connection stays open, 1-3600")
    limit_concurrency: int = Field(1000, ge=1, description="requests at a time in a worker before it answers 503")
    limit_connections_per_address: int = Field(
        256, ge=1, le=1_000_000, description="connections of one client address to a worker, 1 or more"
    )
    limit_max_requests: int = Field(10000, ge=0, description="requests until a worker is replaced, 0 for never")
    limit_min_lifetime: float = Field(
        10, ge=0, le=86400, description="seconds between two such replacements, up to 86400"
    )
    timeout_graceful_shutdown: int = Field(20, ge=1, le=600, description="seconds for requests to finish, 1-600")
    timeout_request_header: float = Field(10, gt=0, le=300, description="seconds for a request's header, up to 300")
    timeout_request_body: float = Field(20, gt=0, le=300, description="seconds for a request's body, up to 300")
    root_path: str = Field("", description="as /api/v1, or empty")
    compression: bool = True
    max_body_bytes: int = Field(1_048_576, ge=1024, le=1 << 30, description="bytes of a request body, 1024-1 GiB")
    max_import_bytes: int = Field(268_435_456, ge=1024, le=1 << 34, description="bytes of an import, 1024-16 GiB")
    import_timeout: float = Field(600, gt=0, le=86400, description="seconds for sending an import, up to 86400")
    export_timeout: float = Field(600, gt=0, le=86400, description="seconds an export may take, up to 86400")
    reload: bool = True
    data_dir: Path = Field(Path(".data"), description="folder of the embedded servers")

    rate_limit_enabled: bool = True
    rate_limit_calls: int = Field(100, ge=1, le=1_000_000_000, description="requests a period, 1 or more")
    rate_limit_period: int = Field(60, ge=1, le=86400, description="seconds, 1-86400")
    rate_limit_redis_url: SecretStr | None = Field(None, description="as REDIS_URL, of a single server")
    trusted_proxies: CommaSeparated = PRIVATE_NETWORKS
    cors_origins: CommaSeparated = ("*",)

    auth_mode: Literal["none", "api_key", "jwt", "both"] = "none"
    jwt_jwks_url: str | None = Field(None, description="https address of the public keys of RS256 and ES256 tokens")
    jwt_jwks_max_stale: int = Field(3600, ge=0, le=604_800, description="seconds, 0-604800")
    jwt_secret: SecretStr | None = Field(None, description="key of HS256 tokens, 32 bytes or more")
    jwt_issuer: str | None = Field(None, description="the `iss` that tokens must have")
    jwt_audience: str | None = Field(None, description="the `aud` that tokens must have")
    audit_enabled: bool = Field(False, description="whether changes are noted while AUTH_MODE is none")
    audit_interval: int = Field(60, ge=1, le=3600, description="seconds between two seals of the audit log, 1-3600")

    order_hold_minutes: int = Field(
        0, ge=0, le=525_600, description="minutes until an unpaid order is canceled, 0 for never"
    )
    payment_provider: Literal["manual", "stripe"] = Field("manual", description="manual or stripe")
    payment_currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="ISO 4217 code of three letters")
    stripe_api_key: SecretStr | None = Field(None, description="secret key of Stripe, sk_…")
    stripe_webhook_secret: SecretStr | None = Field(None, description="secret of Stripe's webhooks, whsec_…")
    stripe_api_base: str | None = Field(None, description="address of another server with Stripe's API, for tests")
    payment_sweep_interval: float = Field(
        2, ge=1, le=3600, description="seconds between two looks for open payments, 1-3600"
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    log_to_file: bool = True
    log_dir: Path = Path("logs")
    access_log: bool = False
    event_retention_days: int = Field(30, ge=1, le=3650, description="days until an event is removed, 1-3650")
    webhook_allow_private: bool = False
    low_stock_threshold: int = Field(5, ge=0, le=2_147_483_647, description="stock at or below which a product is low")
    prometheus_multiproc_dir: Path | None = Field(None, description="folder the workers share their metrics in")
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_protocol: Literal["http/protobuf", "grpc"] = Field(
        "http/protobuf", description="http/protobuf or grpc"
    )
    otel_service_name: str = "ecommerce-api"

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

    @field_validator("trusted_proxies", "cors_origins", "redis_sentinels", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return parts_of_list(value) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks_parse(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("root_path")
    @classmethod
    def _root_path_is_usable(cls, value: str) -> str:
        return checked_root_path(value)

    @model_validator(mode="after")
    def _urls_parse(self) -> Self:
        for name in ("database_url", "migration_database_url"):
            if (url := getattr(self, name)) and (problem := problem_of_postgres_url(url.get_secret_value())):
                raise _wrong(name, url, problem)
        if self.database_replica_urls and (problem := self._problem_of_replicas(self.database_replica_urls)):
            raise _wrong("database_replica_urls", self.database_replica_urls, problem)
        for name in ("redis_url", "rate_limit_redis_url"):
            if (url := getattr(self, name)) and (problem := problem_of_redis_url(url.get_secret_value())):
                raise _wrong(name, url, problem)
        for name in ("redis_username", "redis_cluster"):
            if getattr(self, name) and self.embeds_redis:
                raise _wrong(name, str(getattr(self, name)), "REDIS_HOST or REDIS_URL has to be set, too")
        if wrong := self._problem_of_topology():
            raise _wrong(*wrong)
        if self.redis_ca_file and (problem := self._problem_of_ca_file(self.redis_ca_file)):
            raise _wrong("redis_ca_file", str(self.redis_ca_file), problem)
        if self.migration_database_url and self.embeds_postgres:
            raise _wrong(
                "migration_database_url",
                self.migration_database_url,
                "the service has no such server: POSTGRES_HOST or DATABASE_URL has to be set, too",
            )
        return self

    def _problem_of_replicas(self, urls: SecretStr) -> str | None:
        """Return the reason why the replicas cannot be used, or None."""
        if self.embeds_postgres:
            return "the service has no such servers: POSTGRES_HOST or DATABASE_URL has to be set, too"
        if not self.redis_enabled:
            return "needs Redis, which remembers when callers have written"
        return next(filter(None, map(problem_of_postgres_url, parts_of_list(urls.get_secret_value()))), None)

    def _problem_of_topology(self) -> tuple[str, str, str] | None:
        """Return name, value and problem of the setting that Sentinel or a cluster does not allow, or None."""
        sentinels, address = self.redis_sentinels, self.redis_address()
        if sentinels and (problem := next(filter(None, map(problem_of_sentinel, sentinels)), None)):
            return "redis_sentinels", ",".join(sentinels), problem
        if address is None or not (sentinels or self.redis_cluster):
            return None
        if sentinels and self.redis_cluster:
            return "redis_cluster", "true", "excludes REDIS_SENTINELS: the nodes of a cluster name their masters"
        if address.path:
            return "redis_url", address.path, "must not be a Unix socket with Sentinel or a cluster"
        if self.redis_cluster and address.db:
            return "redis_db", str(address.db), "must be 0: a cluster has no other database"
        return None

    def _problem_of_ca_file(self, file: Path) -> str | None:
        """Return the reason why the CA of Redis cannot be used, or None."""
        addresses = [address for address in (self.redis_address(), self.limiter_address()) if address]
        if addresses and not any(address.is_tls for address in addresses):
            return "needs REDIS_URL=rediss://…"
        try:
            ssl.create_default_context(cafile=file)
        except ssl.SSLError:
            return "is no PEM file with certificates"
        except OSError as error:
            return error.strerror or str(error)
        return None

    @model_validator(mode="after")
    def _tokens_can_be_verified(self) -> Self:
        if not self.takes_tokens:
            return self
        missing = ["JWT_JWKS_URL (or JWT_SECRET)"] * (not (self.jwt_secret or self.jwt_jwks_url))
        missing += [name.upper() for name in ("jwt_issuer", "jwt_audience") if not getattr(self, name)]
        if missing:
            raise _wrong("auth_mode", self.auth_mode, f"needs {', '.join(missing)}")
        if self.jwt_secret and len(self.jwt_secret.get_secret_value().encode()) < JWT_SECRET_BYTES:
            raise _wrong("jwt_secret", self.jwt_secret, f"must have {JWT_SECRET_BYTES} bytes or more")
        if self.jwt_jwks_url and not self.jwt_jwks_url.startswith(("https://", *LOOPBACK_URLS)):
            raise _wrong("jwt_jwks_url", self.jwt_jwks_url, "must start with https://")
        return self

    @model_validator(mode="after")
    def _stripe_is_configured(self) -> Self:
        if self.payment_provider == "stripe" and not self.stripe_api_key:
            raise _wrong("payment_provider", self.payment_provider, "needs STRIPE_API_KEY")
        if self.stripe_api_base and not self.stripe_api_base.startswith(("https://", *LOOPBACK_URLS)):
            raise _wrong("stripe_api_base", self.stripe_api_base, "must start with https://")
        return self

    @property
    def takes_api_keys(self) -> bool:
        return self.auth_mode in ("api_key", "both")

    @property
    def takes_tokens(self) -> bool:
        return self.auth_mode in ("jwt", "both")

    @property
    def audits(self) -> bool:
        return self.audit_enabled or self.auth_mode != "none"

    @property
    def embeds_postgres(self) -> bool:
        return not (self.postgres_host or self.database_url)

    @property
    def embeds_redis(self) -> bool:
        return self.redis_enabled and not (self.redis_host or self.redis_url or self.redis_sentinels)

    @property
    def embeds_servers(self) -> bool:
        return self.embeds_postgres or self.embeds_redis

    @cached_property
    def trusted_networks(self) -> tuple[Network, ...]:
        return tuple(ipaddress.ip_network(network) for network in self.trusted_proxies)

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

    def limiter_address(self) -> RedisAddress | None:
        """Return the address of the limiter's own Redis, or None if it has none."""
        if self.rate_limit_redis_url is None or not (self.redis_enabled and self.rate_limit_enabled):
            return None
        address = parse_redis_url(self.rate_limit_redis_url.get_secret_value())
        return address._replace(ca_file=self.redis_ca_file)

    def sqlalchemy_url(self) -> URL:
        """Return PostgreSQL's URL for SQLAlchemy with psycopg2."""
        if self.database_url:
            return postgres_url(self.database_url.get_secret_value())
        return URL.create(
            "postgresql+psycopg2",
            username=self.postgres_user,
            password=self.postgres_password.get_secret_value() or None,
            host=self.postgres_host,
            port=self.postgres_port,
            database=self.postgres_db,
        )

    def replicas(self) -> "tuple[Settings, ...]":
        """Return the settings for each replica: these, with its address and its number of connections.

        User, password, database and parameters that a URL lacks are those of the primary.
        """
        listed = self.database_replica_urls.get_secret_value() if self.database_replica_urls else ""
        urls = [replica_url(part, self.sqlalchemy_url()) for part in parts_of_list(listed)]
        return tuple(
            self.model_copy(
                update={
                    "database_url": SecretStr(url.render_as_string(hide_password=False)),
                    "db_read_connections": self.db_replica_connections,
                    "db_connect_timeout": 1,  # the primary answers instead
                }
            )
            for url in urls
        )

    def migration_url(self) -> URL:
        """Return the URL for migrations: MIGRATION_DATABASE_URL, else that of the service with POSTGRES_OWNER."""
        if self.migration_database_url:
            return postgres_url(self.migration_database_url.get_secret_value())
        if self.postgres_owner:
            password = self.postgres_owner_password.get_secret_value()  # if empty, not that of the service
            return self.sqlalchemy_url().set(username=self.postgres_owner, password=password)
        return self.sqlalchemy_url()

    def service_role(self) -> str | None:
        """Return the name of the service's role, or None if the migrations use the same one."""
        name = self.sqlalchemy_url().username
        return None if name == self.migration_url().username else name


def _wrong(name: str, value: str | SecretStr, problem: str) -> PydanticCustomError:
    """Return an error of one setting that depends on others, so that it is reported under its own name."""
    given = value.get_secret_value() if isinstance(value, SecretStr) else value
    return PydanticCustomError("setting", "{problem}", {"problem": problem, "name": name, "value": given})


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
