"""Servers that the service needs: configured ones, or embedded ones where none is configured."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy.exc import OperationalError, ProgrammingError

from config.settings import Settings
from infrastructure.postgres.urls import place_of
from infrastructure.texts import message_of


@contextmanager
def available_servers(settings: Settings, *, share: bool = False) -> Iterator[Settings]:
    """Yield settings that have an address for PostgreSQL and for Redis, unless Redis is disabled.

    Starts an embedded server for each missing address and stops it afterwards. With `share`, uses the embedded servers
    of a process that already runs on the same DATA_DIR. Without it, exits when there is such a process.
    """
    if not settings.embeds_servers:
        yield settings
        return
    from infrastructure.embedded.lifecycle import embedded_servers  # noqa: PLC0415 # a production start never loads it

    with embedded_servers(settings, share=share) as complete:
        yield complete


@contextmanager
def script_servers(settings: Settings, *, redis: bool = False, migrates: bool = False) -> Iterator[Settings]:
    """Yield settings for a script, which may run beside the service, and print its database on stderr.

    The database is the one that the settings name. A script without `redis` needs no Redis. One that only `migrates`
    uses the database of the migrations. Exits with one line when PostgreSQL cannot be used.
    """
    wanted = settings if redis else settings.model_copy(update={"redis_enabled": False})
    with available_servers(wanted, share=True) as complete:
        url = complete.migration_url() if migrates else complete.sqlalchemy_url()
        sys.stderr.write(f"Database: {place_of(url)}\n")
        sys.stderr.flush()
        try:
            yield complete
        except (OperationalError, ProgrammingError) as error:
            if not isinstance(error.orig, psycopg2.OperationalError | InsufficientPrivilege):
                raise
            sys.exit(f"The database cannot be used: {message_of(error.orig)}")
