"""redis-py client with short timeouts, for tools and tests. Requests use the pipelined client of `infrastructure`."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.redis_address import RedisAddress

TIMEOUT_SECONDS = 0.5


def redis_client(address: RedisAddress, max_connections: int = 50) -> Redis:
    """Return a client that fails after half a second and never retries. The library's defaults retry for seconds."""
    return Redis(
        **_place(address),
        db=address.db,
        username=address.username or None,
        password=address.password or None,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=max_connections,
    )


def _place(address: RedisAddress) -> dict[str, Any]:
    if address.path:
        return {"unix_socket_path": address.path}
    place: dict[str, Any] = {"host": address.host, "port": address.port}
    if address.is_tls:  # redis-py checks the certificate and the host name by default
        place |= {"ssl": True, "ssl_ca_certs": address.ca_file and str(address.ca_file)}
    return place
