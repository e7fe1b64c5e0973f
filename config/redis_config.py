"""redis-py clients with short timeouts, for tools and tests. Requests use the pipelined client of `infrastructure`."""

from redis import Redis, RedisCluster

from config.settings import Settings
from infrastructure.redis.synchronous import client_of_cluster, client_of_master, redis_client

__all__ = ["redis_client", "redis_client_of"]


def redis_client_of(settings: Settings) -> Redis | RedisCluster | None:
    """Return a client for the server, Sentinel's present master, or the cluster of the settings, if there is one."""
    address, size = settings.redis_address(), settings.redis_max_connections
    if address is None:
        return None
    if settings.redis_sentinels:
        password = settings.redis_sentinel_password.get_secret_value()
        return client_of_master(settings.redis_sentinels, settings.redis_sentinel_master, password, address, size)
    return client_of_cluster(address, size) if settings.redis_cluster else redis_client(address, size)
