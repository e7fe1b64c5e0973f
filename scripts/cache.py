"""The cache of the service, as far as scripts concern it that write to its database."""

import sys

from redis import RedisError
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config.redis_config import redis_client_of
from config.settings import Settings
from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.cluster import TAGS, shard_prefix
from infrastructure.redis.key_prefix import DATABASE_IDENTITY, derived_prefix


def drop_cache(settings: Settings) -> None:
    """Delete the root stamps, without which no cached response is valid. Tell if Redis is away."""
    prefix = key_prefix(settings)
    prefixes = [shard_prefix(tag, prefix) for tag in TAGS] if settings.redis_cluster else [prefix]
    try:
        if redis := redis_client_of(settings):
            with redis:
                for each in prefixes:
                    redis.delete(f"{each}{ROOT_STAMP}")
    except RedisError as error:
        sys.stderr.write(
            f"Redis is not available ({error}). Cached responses may lack the changes until they expire.\n"
        )


def key_prefix(settings: Settings) -> str:
    """Return the prefix of the shop's keys in Redis."""
    if settings.redis_prefix:
        return f"{settings.redis_prefix}:"
    with create_engine(settings.sqlalchemy_url(), poolclass=NullPool).connect() as connection:
        return derived_prefix(*connection.execute(text(DATABASE_IDENTITY)).one())
