"""Command that applies or writes migrations: `python -m migrations.runner [upgrade|make MESSAGE]`.

Tables are created by migrations only.
"""

import logging
import sys
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from config.settings import Settings, load_settings
from infrastructure.servers import available_servers

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
ADVISORY_LOCK = 0x45434F4D  # arbitrary, and the same for every instance of this service
RETRY_SECONDS = 1.0
HAS_TRIGRAMS = "SELECT to_regclass('ix_products_category_id_stretch_name_trgm') IS NOT NULL"


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for migrations over `connection`."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def migrate(settings: Settings, revision: str = "head") -> None:
    """Bring the database to `revision`. Several instances may do so at once: an advisory lock orders them.

    Waits for as long as the database is down, and logs this once.
    """
    engine = create_engine(
        settings.sqlalchemy_url(), poolclass=NullPool, connect_args={"connect_timeout": settings.db_connect_timeout}
    )
    is_waiting = False
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
                connection.commit()
                _upgrade(connection, revision)
                connection.commit()
                return
        except OperationalError as error:
            if not is_waiting:
                logger.warning("the database is down, waiting for it: %s", str(error.orig).strip())
            is_waiting = True
            time.sleep(RETRY_SECONDS)


def _upgrade(connection: Connection, revision: str) -> None:
    """Apply the missing migrations. Leave a database of a later version as it is: older versions can still use it."""
    config, current = alembic_config(connection), MigrationContext.configure(connection).get_current_revision()
    if current is None or current in _revisions(config):
        command.upgrade(config, revision)
        if revision == "head" and not connection.scalar(text(HAS_TRIGRAMS)):
            logger.warning("searches read whole tables: the database lacks pg_trgm, btree_gin or their indexes")
    else:
        logger.warning("the database is ahead of this version, at migration %s: nothing to do", current)


def _revisions(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def make(settings: Settings, message: str) -> None:
    """Write the next migration from the difference between the models and the database, after migrating it."""
    migrate(settings)
    with create_engine(settings.sqlalchemy_url(), poolclass=NullPool).connect() as connection:
        config = alembic_config(connection)
        command.revision(config, message, autogenerate=True, rev_id=f"{len(_revisions(config)) + 1:04d}")


def main() -> None:
    with available_servers(load_settings(), share=True) as settings:
        if sys.argv[1:2] == ["make"]:
            make(settings, " ".join(sys.argv[2:]))
        else:
            migrate(settings)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
