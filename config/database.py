"""Declarative base of the models, and `get_db` for extensions."""

from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Session

from config.settings import load_settings
from infrastructure.postgres.database import Database

# Services translate database errors by the names of constraints.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class base(DeclarativeBase):  # noqa: N801 # importers expect this name
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


@lru_cache(maxsize=1)
def default_database() -> Database:
    """Return the database of the environment's settings, for scripts and extensions outside the application."""
    return Database(load_settings())


def get_db() -> Iterator[Session]:
    """Yield a session for code outside the services. The caller commits."""
    with default_database().sessions() as session:
        yield session
