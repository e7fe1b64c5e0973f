"""Alembic's entry point. Runs the migrations on the connection of `migrations.runner`."""

from typing import Any

from alembic import context
from alembic.autogenerate.rewriter import Rewriter
from alembic.operations.ops import CreateTableOp, ExecuteSQLOp, MigrateOperation

import models
from config.database import base

assert models.__all__  # noqa: S101 # the import registers the tables


def is_in_models(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Return False for search indexes. Models omit them because they need an extension that a server may lack."""
    return not (kind == "index" and name is not None and name.endswith("_trgm"))


rewriter = Rewriter()


@rewriter.rewrites(CreateTableOp)
def keep_updated_at(_context: Any, _revision: Any, table: CreateTableOp) -> list[MigrateOperation]:
    """Add the `keep_updated_at` trigger to a new table. Models cannot declare triggers."""
    trigger = f"CREATE TRIGGER keep_updated_at BEFORE UPDATE ON {table.table_name}"
    return [table, ExecuteSQLOp(f"{trigger} FOR EACH ROW EXECUTE FUNCTION keep_updated_at()")]


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=base.metadata,
    include_object=is_in_models,
    process_revision_directives=rewriter,
)
with context.begin_transaction():
    context.run_migrations()
