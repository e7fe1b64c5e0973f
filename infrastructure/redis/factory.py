"""Clients for the servers that the settings name."""

from config.settings import Settings
from infrastructure.redis.address import RedisAddress, parse_sentinel
from infrastructure.redis.availability.outage_log import OutageLog
from infrastructure.redis.client import Redis, RedisClient
from infrastructure.redis.link import FindPrefix


def create_redis(settings: Settings, find_prefix: FindPrefix) -> Redis | None:
    """Return the client for the cache, and for the limiter unless that has its own. None if Redis is disabled."""
    address = settings.redis_address()
    if address is None:
        return None
    if settings.redis_sentinels:
        return _client_of_sentinels(settings, address, find_prefix)
    if settings.redis_cluster:
        from infrastructure.redis.cluster import RedisCluster  # noqa: PLC0415 # redis-py costs memory

        return RedisCluster(address, find_prefix)
    return RedisClient(address, find_prefix)


def create_limiter_redis(settings: Settings, find_prefix: FindPrefix) -> RedisClient | None:
    """Return the client for the limiter's own server, or None if it has none."""
    address = settings.limiter_address()
    return RedisClient(address, find_prefix, OutageLog("Redis of the limiter")) if address else None


def _client_of_sentinels(settings: Settings, address: RedisAddress, find_prefix: FindPrefix) -> RedisClient:
    from infrastructure.redis.topology.elected_master import ElectedMaster  # noqa: PLC0415 # redis-py costs memory
    from infrastructure.redis.topology.majority import Majority  # noqa: PLC0415
    from infrastructure.redis.topology.sentinel import Sentinels  # noqa: PLC0415
    from infrastructure.redis.topology.voter import Credentials  # noqa: PLC0415

    password = settings.redis_sentinel_password.get_secret_value()
    sentinels = Sentinels(
        [parse_sentinel(value) for value in settings.redis_sentinels],
        settings.redis_sentinel_master,
        Credentials(password=password, is_tls=address.is_tls, ca_file=address.ca_file),
    )
    return RedisClient(ElectedMaster(Majority(sentinels), 0, address), find_prefix)
