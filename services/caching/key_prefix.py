"""Look-up of the prefix of all keys in Redis: the one of the settings, or one derived from the database."""

import psycopg2

from config.settings import Settings
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from infrastructure.redis.key_prefix import DATABASE_IDENTITY, PrefixUnknownError, derived_prefix


async def find_key_prefix(settings: Settings, database: Database) -> str:
    """Return the prefix of this shop. Raises PrefixUnknownError while PostgreSQL does not tell its identity.

    All workers and instances of a shop find the same one, also after a failover.
    """
    if settings.redis_prefix:
        return f"{settings.redis_prefix}:"
    try:
        [(system_identifier, oid)] = await database.probe.fetch(DATABASE_IDENTITY, {})
    except DatabaseUnavailableError as error:
        raise PrefixUnknownError(f"PostgreSQL has to tell the prefix of the keys first: {error}") from error
    except (psycopg2.Error, ValueError) as error:
        raise PrefixUnknownError(f"set REDIS_PREFIX, because PostgreSQL does not tell its identity: {error}") from error
    return derived_prefix(system_identifier, oid)
