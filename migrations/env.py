"""Alembic's entry: runs the migrations on the connection that `config.migrations` hands over."""

from alembic import context

import models
from config.database import base

assert models.__all__  # noqa: S101 # the import registers the tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=base.metadata, compare_type=True, compare_server_default=False)
with context.begin_transaction():
    context.run_migrations()
