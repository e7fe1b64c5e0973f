"""Command that applies or writes migrations: `python -m migrations.runner [upgrade|make MESSAGE]`.

Tables are created by migrations only.
"""

import logging
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from config.settings import Settings, load_settings
from infrastructure.postgres.startup_options import refuse_statement_pooling
from infrastructure.postgres.urls import place_of
from infrastructure.servers import script_servers
from migrations.rights import SERVICE_ROLE
from migrations.unprivileged import NotMigratedError, check_revision, may_migrate, revisions

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
ADVISORY_LOCK = 0x45434F4D  # arbitrary, and the same for every instance of this service
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(:lock)"
LOCK_HOLDERS = """
    SELECT string_agg(pid::text, ', ') FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 0 AND objid = :lock AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
RETRY_SECONDS = 0.5
COMMAND_WAIT_SECONDS = 60  # the command then fails, and the platform repeats it
EXTENSIONS = {
    "SELECT to_regclass('ix_products_category_id_bucket_words') IS NOT NULL": (
        "searches read whole tables: the database lacks pg_trgm, btree_gin or their indexes"
    ),
    "SELECT fold_search('ø') = 'o'": (
        "searches tell letters such as ø and o apart: the database lacks unaccent, or fold_search without it"
    ),
}
"""Tests for extensions, and the warning about a missing one."""


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for migrations over `connection`."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def migration_engine(settings: Settings) -> Engine:
    """Return an engine for migrations. Its connections know the service's role, which `env.py` gives its rights."""
    return create_engine(
        settings.migration_url(),
        poolclass=NullPool,
        connect_args={"connect_timeout": settings.db_connect_timeout, "client_encoding": "utf8"},
        execution_options={SERVICE_ROLE: settings.service_role()},
    )


def migrate(settings: Settings, revision: str = "head", *, wait_seconds: float = math.inf) -> None:
    """Bring the database to `revision`. Several instances may do so at once: an advisory lock orders them.

    Waits for the lock, and up to `wait_seconds` for a database that is down, or that this role may not migrate, and
    logs each once. Signal handlers run meanwhile. Raises OperationalError when the database is still down. Exits with
    one line if the database is still not migrated, or cannot store Unicode.
    """
    engine = migration_engine(settings)
    deadline, told = time.monotonic() + wait_seconds, set[str]()
    while True:
        try:
            if (holders := _migrate_unless_locked(engine, revision)) is None:
                _add_partitions(engine)
                return
            waits_for, details = (
                "another session migrates the database, waiting for its lock: PostgreSQL's process",
                holders,
            )
        except OperationalError as error:
            refuse_statement_pooling(engine.url, settings.db_connect_timeout)
            if time.monotonic() >= deadline:
                raise
            waits_for, details = "the database is down, waiting for it:", str(error.orig).strip()
        except NotMigratedError as error:
            if time.monotonic() >= deadline:
                sys.exit(str(error))
            waits_for, details = "waiting for a migration:", str(error)
        if waits_for not in told:
            logger.warning("%s %s", waits_for, details)
            told.add(waits_for)
        time.sleep(RETRY_SECONDS)


@contextmanager
def locked_connection() -> Iterator[Connection]:
    """Yield a connection to the database of the settings, in a transaction with the lock, for the command `alembic`."""
    with script_servers(load_settings(), migrates=True) as settings:
        engine = migration_engine(settings)
        with engine.begin() as connection:
            check_encoding(connection)
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
            yield connection
        _add_partitions(engine)


def _migrate_unless_locked(engine: Engine, revision: str) -> str | None:
    """Migrate in one transaction and return None, or return the server's processes that hold the lock.

    The lock ends with the transaction. A lock of the session would stay in a connection of PgBouncer.
    Raises NotMigratedError.
    """
    with engine.begin() as connection:
        check_encoding(connection)
        if not may_migrate(connection):
            check_revision(connection, ScriptDirectory.from_config(alembic_config(connection)))
            return None
        if not connection.scalar(text(TRY_LOCK), {"lock": ADVISORY_LOCK}):
            return connection.scalar(text(LOCK_HOLDERS), {"lock": ADVISORY_LOCK}) or "(unknown)"
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # the role's limit is for requests
        _upgrade(connection, revision)
    return None


def _add_partitions(engine: Engine) -> None:
    """Make the partitions that are needed soon, in a transaction of its own: it locks the tables that they refer to."""
    with engine.begin() as connection:
        if not may_migrate(connection) or not connection.scalar(
            text("SELECT to_regproc('add_partitions') IS NOT NULL")
        ):
            return
        for added in connection.scalars(text("SELECT added FROM add_partitions() WHERE added IS NOT NULL")).all():
            logger.info("added the partition %s", added)


def check_encoding(connection: Connection) -> None:
    """Exit with one line if the database cannot store Unicode."""
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        place = place_of(connection.engine.url)
        sys.exit(f"The database {place} has the encoding {encoding}, which cannot store every text (allowed: UTF8)")


def _upgrade(connection: Connection, revision: str) -> None:
    """Apply the missing migrations. Leave a database of a later version as it is: older versions can still use it."""
    config, current = alembic_config(connection), MigrationContext.configure(connection).get_current_revision()
    if current is None or current in revisions(ScriptDirectory.from_config(config)):
        command.upgrade(config, revision)
        for is_there, warning in EXTENSIONS.items() if revision == "head" else ():
            if not connection.scalar(text(is_there)):
                logger.warning(warning)
    else:
        logger.warning("the database is ahead of this version, at migration %s: nothing to do", current)


def make(settings: Settings, message: str) -> None:
    """Write the next migration from the difference between the models and the database, after migrating it."""
    migrate(settings, wait_seconds=0)
    with migration_engine(settings).connect() as connection:
        command.revision(alembic_config(connection), message, autogenerate=True)


def migrate_configured() -> str | None:
    """Migrate the database of the settings, and return its revision. Exits with one line if it cannot be used."""
    settings = load_settings()
    with script_servers(settings, migrates=True) as complete:
        migrate(complete, wait_seconds=0 if settings.embeds_postgres else COMMAND_WAIT_SECONDS)
        with migration_engine(complete).connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # without a handler, the first process of a container ignores them
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if sys.argv[1:2] == ["make"]:
        with script_servers(load_settings(), migrates=True) as complete:
            make(complete, " ".join(sys.argv[2:]))
    else:
        migrate_configured()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
