"""redis-py, set up so that an absent Redis costs little: for tools and tests; requests use the pipelined link."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import RedisAddress

TIMEOUT_SECONDS = 0.5


def redis_client(address: RedisAddress, max_connections: int = 50) -> Redis:
    """Fails within half a second, where the library's defaults would try for some; nothing is sent twice unasked."""
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
