"""URLs of PostgreSQL."""

from typing import Any

from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from infrastructure.texts import message_of


def postgres_url(value: str) -> URL:
    """Parse a URL for SQLAlchemy with psycopg2. Accepts `postgres://`, as some platforms write it.

    Raises ArgumentError or ValueError.
    """
    return make_url(value.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")


def driver_arguments(url: URL) -> dict[str, Any]:
    """Return the arguments of `psycopg2.connect` for a PostgreSQL URL. Raises ArgumentError or ValueError."""
    return dict(url.get_dialect()().create_connect_args(url)[1])


def place_of(url: URL) -> str:
    """Return `host:port/database` of a PostgreSQL URL, without user and password."""
    arguments = driver_arguments(url)
    host = str(arguments.get("host") or "(default host)")
    return f"{host}:{arguments.get('port', 5432)}/{arguments.get('dbname') or '(default database)'}"


def problem_of_postgres_url(value: str) -> str | None:
    """Return the reason why PostgreSQL's client would refuse the URL, without secrets, or None."""
    if not value.startswith(("postgresql:", "postgresql+psycopg2:", "postgres:")):
        return "must start with postgresql://"
    try:
        url = postgres_url(value)
        make_dsn(**driver_arguments(url))
    except ProgrammingError as error:  # libpq names the unknown parameter and shows no value
        return message_of(error)
    except (ArgumentError, ValueError):
        return "must be postgresql://user:password@host:port/database, with %XX for special characters"
    return None
