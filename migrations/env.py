"""Alembic's entry point. Runs on the connection of `migrations.runner`, or opens one for the command `alembic`."""

import logging
from typing import Any

from alembic import context
from alembic.autogenerate.rewriter import Rewriter
from alembic.operations.ops import CreateTableOp, ExecuteSQLOp, MigrateOperation, MigrationScript
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection

import models
from config.database import base
from migrations.rights import set_rights
from migrations.runner import locked_connection

assert models.__all__  # noqa: S101 # the import registers the tables

PARTITIONS = "SELECT relname FROM pg_class WHERE relispartition AND relnamespace = current_schema()::regnamespace"


def is_in_models(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Return False for search indexes, which need an extension that a server may lack, and for a column to drop."""
    is_search_index = kind == "index" and name is not None and name.endswith(("_trgm", "_bucket_words"))
    return not is_search_index and not is_left_over(name, kind)


def is_left_over(name: str | None, kind: str) -> bool:
    """Return True for `products.supplied`. The previous version uses it, so the next version drops it."""
    return (kind, name) == ("column", "supplied")


rewriter = Rewriter()


@rewriter.rewrites(CreateTableOp)
def keep_updated_at(_context: Any, _revision: Any, table: CreateTableOp) -> list[MigrateOperation]:
    """Add the `keep_updated_at` trigger to a new table. Models cannot declare triggers."""
    trigger = f"CREATE TRIGGER keep_updated_at BEFORE UPDATE ON {table.table_name}"
    return [table, ExecuteSQLOp(f"{trigger} FOR EACH ROW EXECUTE FUNCTION keep_updated_at()")]


def complete(migration_context: Any, revision: Any, directives: list[MigrationScript]) -> None:
    """Number a new migration, and add its triggers."""
    numbers = [int(item.revision) for item in ScriptDirectory.from_config(context.config).walk_revisions()]
    for script in directives:
        script.rev_id = f"{max(numbers, default=0) + 1:04d}"
    rewriter(migration_context, revision, directives)


def run(connection: Connection) -> None:
    def is_no_partition(name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name not in set(connection.scalars(text(PARTITIONS)))

    context.configure(
        connection=connection,
        target_metadata=base.metadata,
        include_name=is_no_partition,
        include_object=is_in_models,
        process_revision_directives=complete,
    )
    with context.begin_transaction():
        context.run_migrations()
        set_rights(connection)


if context.is_offline_mode():
    raise CommandError("--sql is not supported: the migrations read the database")
if connection := context.config.attributes.get("connection"):
    run(connection)
else:
    logging.basicConfig(level=logging.INFO)
    with locked_connection() as connection:
        run(connection)
