"""Settings that depend on others: each problem under the name of the setting to change."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from infrastructure.environment import wrong_setting
from infrastructure.postgres.urls import problem_of_postgres_url
from infrastructure.redis.address import problem_of_ca_file, problem_of_redis_url, problem_of_sentinel
from infrastructure.texts import parts_of_list

if TYPE_CHECKING:
    from config.settings.combined import Settings

LOOPBACK_URLS = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
JWT_SECRET_BYTES = 32  # an HS256 key must be at least as long as its hash: RFC 7518 section 3.2


def check_combination(settings: "Settings") -> None:
    """Raise an error for the problem that an operator should solve first."""
    for check in (_databases, _redis, _topology, _redis_ca, _migrations, _tokens, _stripe):
        check(settings)


def _databases(settings: "Settings") -> None:
    for name in ("database_url", "migration_database_url"):
        url: SecretStr | None = getattr(settings, name)
        if url and (problem := problem_of_postgres_url(url.get_secret_value())):
            raise wrong_setting(name, url, problem)
    replicas = settings.database_replica_urls
    if replicas and (problem := _problem_of_replicas(settings, replicas.get_secret_value())):
        raise wrong_setting("database_replica_urls", replicas, problem)


def _problem_of_replicas(settings: "Settings", urls: str) -> str | None:
    """Return the reason why the replicas cannot be used, or None."""
    if settings.embeds_postgres:
        return "the service has no such servers: POSTGRES_HOST or DATABASE_URL has to be set, too"
    if not settings.redis_enabled:
        return "needs Redis, which remembers when callers have written"
    return next(filter(None, map(problem_of_postgres_url, parts_of_list(urls))), None)


def _redis(settings: "Settings") -> None:
    for name in ("redis_url", "rate_limit_redis_url"):
        url: SecretStr | None = getattr(settings, name)
        if url and (problem := problem_of_redis_url(url.get_secret_value())):
            raise wrong_setting(name, url, problem)
    for name in ("redis_username", "redis_cluster"):
        if (value := getattr(settings, name)) and settings.embeds_redis:
            raise wrong_setting(name, value, "REDIS_HOST or REDIS_URL has to be set, too")


def _topology(settings: "Settings") -> None:
    """Refuse what Sentinel or a cluster does not allow."""
    sentinels, address = settings.redis_sentinels, settings.redis_address()
    if problem := next(filter(None, map(problem_of_sentinel, sentinels)), None):
        raise wrong_setting("redis_sentinels", ",".join(sentinels), problem)
    if address is None or not (sentinels or settings.redis_cluster):
        return
    if sentinels and settings.redis_cluster:
        raise wrong_setting(
            "redis_cluster", "true", "excludes REDIS_SENTINELS: the nodes of a cluster name their masters"
        )
    if address.path:
        raise wrong_setting("redis_url", address.path, "must not be a Unix socket with Sentinel or a cluster")
    if settings.redis_cluster and address.db:
        raise wrong_setting("redis_db", address.db, "must be 0: a cluster has no other database")


def _redis_ca(settings: "Settings") -> None:
    addresses = [address for address in (settings.redis_address(), settings.limiter_address()) if address]
    if (file := settings.redis_ca_file) and (problem := problem_of_ca_file(file, addresses)):
        raise wrong_setting("redis_ca_file", file, problem)


def _migrations(settings: "Settings") -> None:
    if settings.migration_database_url and settings.embeds_postgres:
        problem = "the service has no such server: POSTGRES_HOST or DATABASE_URL has to be set, too"
        raise wrong_setting("migration_database_url", settings.migration_database_url, problem)


def _tokens(settings: "Settings") -> None:
    if not settings.takes_tokens:
        return
    missing = ["JWT_JWKS_URL (or JWT_SECRET)"] * (not (settings.jwt_secret or settings.jwt_jwks_url))
    missing += [name.upper() for name in ("jwt_issuer", "jwt_audience") if not getattr(settings, name)]
    if missing:
        raise wrong_setting("auth_mode", settings.auth_mode, f"needs {', '.join(missing)}")
    if settings.jwt_secret and len(settings.jwt_secret.get_secret_value().encode()) < JWT_SECRET_BYTES:
        raise wrong_setting("jwt_secret", settings.jwt_secret, f"must have {JWT_SECRET_BYTES} bytes or more")
    if settings.jwt_jwks_url and not settings.jwt_jwks_url.startswith(("https://", *LOOPBACK_URLS)):
        raise wrong_setting("jwt_jwks_url", settings.jwt_jwks_url, "must start with https://")


def _stripe(settings: "Settings") -> None:
    if settings.payment_provider == "stripe" and not settings.stripe_api_key:
        raise wrong_setting("payment_provider", settings.payment_provider, "needs STRIPE_API_KEY")
    if settings.stripe_api_base and not settings.stripe_api_base.startswith(("https://", *LOOPBACK_URLS)):
        raise wrong_setting("stripe_api_base", settings.stripe_api_base, "must start with https://")
