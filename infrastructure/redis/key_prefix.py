"""Prefix of all keys: it keeps the shops apart that share a Redis database."""

from hashlib import blake2b

DATABASE_IDENTITY = """
    SELECT system_identifier::text, oid::bigint FROM pg_control_system(), pg_database WHERE datname = current_database()
"""
"""Query for the identity of a PostgreSQL database. A standby has that of its primary, and a dump restored elsewhere or
under another name has its own. A copy of the server's files has the same: set REDIS_PREFIX there."""


class PrefixUnknownError(ConnectionError):
    """The prefix is unknown, because PostgreSQL has not told its identity yet."""


def derived_prefix(system_identifier: str, oid: int) -> str:
    """Return the prefix of the shop in this database: eight hexadecimal digits and a colon."""
    return f"{blake2b(f'{system_identifier}/{oid}'.encode(), digest_size=4).hexdigest()}:"
