"""Start of a service whose role may not migrate: it needs a database that the owner has migrated."""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

MAY_MIGRATE = """
    SELECT coalesce(
        pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('alembic_version')), 'USAGE'),
        has_schema_privilege(current_schema(), 'CREATE'), false
    )
"""
MAY_READ_VERSION = "SELECT has_table_privilege(to_regclass('alembic_version'), 'SELECT')"


class NotMigratedError(Exception):
    """The database is older than this version, and the role may not migrate it."""


def may_migrate(connection: Connection) -> bool:
    """Return True for the owner of the tables and, in an empty database, for a role that may create them."""
    return bool(connection.scalar(text(MAY_MIGRATE)))


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the database; None without one, or if the role may not read it."""
    if not connection.scalar(text(MAY_READ_VERSION)):
        return None
    return MigrationContext.configure(connection).get_current_revision()


def check_revision(connection: Connection, scripts: ScriptDirectory) -> None:
    """Raise NotMigratedError unless the database is at the last migration or ahead of it."""
    current, needed = current_revision(connection), scripts.get_current_head()
    if current is None or (current != needed and current in revisions(scripts)):
        raise NotMigratedError(
            f"the database is at {f'migration {current}' if current else 'no migration'}, this version needs {needed}, "
            f"and the role {connection.engine.url.username} may not migrate it (docs/OPERATIONS.md#roles)"
        )


def revisions(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}
