"""redis-py clients that fail after half a second and never retry. The library's defaults retry for seconds."""

from collections.abc import Sequence
from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from infrastructure.redis.address import RedisAddress, parse_sentinel

TIMEOUT_SECONDS = 0.5


def redis_client(address: RedisAddress, max_connections: int = 50) -> Redis:
    """Return a client of one server."""
    return Redis(**_place(address), db=address.db, **_options(address), max_connections=max_connections)


def client_of_cluster(address: RedisAddress, max_connections: int) -> RedisCluster:
    """Return a client of the cluster that has a node at the address."""
    return RedisCluster(**_place(address), **_options(address), max_connections=max_connections)


def client_of_master(
    sentinels: Sequence[str], name: str, password: str, address: RedisAddress, max_connections: int
) -> Redis:
    """Return a client of the master `name`. The password is that of the Sentinels, host and port do not count."""
    of_sentinels = {"socket_timeout": TIMEOUT_SECONDS, **_tls(address), "password": password or None}
    untyped: Any = Sentinel
    group = untyped(list(map(parse_sentinel, sentinels)), sentinel_kwargs=of_sentinels)
    options = _tls(address) | _options(address) | {"max_connections": max_connections}
    master: Redis = group.master_for(name, db=address.db, **options)
    return master


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
