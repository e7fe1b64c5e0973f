"""redis-py clients with short timeouts, for tools and tests. Requests use the pipelined client of `infrastructure`."""

from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from config.settings import Settings
from infrastructure.redis.address import RedisAddress, parse_sentinel

TIMEOUT_SECONDS = 0.5


def redis_client(address: RedisAddress, max_connections: int = 50) -> Redis:
    """Return a client that fails after half a second and never retries. The library's defaults retry for seconds."""
    return Redis(**_place(address), db=address.db, **_options(address), max_connections=max_connections)


def redis_client_of(settings: Settings) -> Redis | RedisCluster | None:
    """Return a client for the server, Sentinel's present master, or the cluster of the settings, if there is one."""
    address = settings.redis_address()
    if address is None:
        return None
    options = _options(address) | {"max_connections": settings.redis_max_connections}
    if settings.redis_sentinels:
        of_sentinels = _tls(address) | {"password": settings.redis_sentinel_password.get_secret_value() or None}
        places = [parse_sentinel(sentinel) for sentinel in settings.redis_sentinels]
        sentinels: Any = Sentinel  # it has no types
        group = sentinels(places, sentinel_kwargs={"socket_timeout": TIMEOUT_SECONDS, **of_sentinels})
        master: Redis = group.master_for(settings.redis_sentinel_master, db=address.db, **_tls(address), **options)
        return master
    if settings.redis_cluster:
        return RedisCluster(**_place(address), **options)
    return redis_client(address, settings.redis_max_connections)


def _options(address: RedisAddress) -> dict[str, Any]:
    return {
        "username": address.username or None,
        "password": address.password or None,
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _place(address: RedisAddress) -> dict[str, Any]:
    if address.path:
        return {"unix_socket_path": address.path}
    return {"host": address.host, "port": address.port, **_tls(address)}


def _tls(address: RedisAddress) -> dict[str, Any]:
    """Return the options of TLS. redis-py checks the certificate and the host name by default."""
    return {"ssl": True, "ssl_ca_certs": address.ca_file and str(address.ca_file)} if address.is_tls else {}
