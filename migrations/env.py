"""Alembic's entry: runs the migrations on the connection that `config.migrations` hands over."""

from alembic import context

import models
from config.database import base

assert models.__all__  # noqa: S101 # the import registers the tables


def is_in_models(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Indexes for searches exist only where the server has their extension, so the models do not speak of them."""
    return not (kind == "index" and name is not None and name.endswith("_trgm"))


connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=base.metadata, include_object=is_in_models)
with context.begin_transaction():
    context.run_migrations()
