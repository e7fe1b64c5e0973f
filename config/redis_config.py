"""redis-py client with short timeouts, for tools and tests. Requests use the pipelined client of `infrastructure`."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import RedisAddress

TIMEOUT_SECONDS = 0.5


def redis_client(address: RedisAddress, max_connections: int = 50) -> Redis:
    """Return a client that fails after half a second and never retries. The library's defaults retry for seconds."""
    return Redis(
        host=address.host,
        port=address.port,
        db=address.db,
        password=address.password or None,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=max_connections,
    )
