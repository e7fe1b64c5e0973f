"""Declarative base of the models, and `get_db` for endpoints and scripts."""

from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Session
from starlette.requests import Request

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
    """Return the database of the environment's settings, for scripts outside the application."""
    return Database(load_settings())


def get_db(request: Request = None) -> Iterator[Session]:  # type: ignore[assignment] # FastAPI takes no `Request | None`
    """Yield a session. The caller commits.

    `Depends(get_db)` gives an endpoint a session of the service's own engine: it is part of the connection budget, and
    a commit writes the audit entry and drops what it changed from the cache. Without a request, as in scripts, the
    engine is another one, and the cache is not told.
    """
    sessions = request.state.sessions if request else default_database().sessions
    with sessions() as session:
        yield session
