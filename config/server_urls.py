"""URLs of servers in settings: those of PostgreSQL, and the display of all without secrets."""

import re
from typing import Any

from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

SHOWN_CHARACTERS = 300
OF_ONE_SERVER = ("host", "port", "hostaddr", "target_session_attrs")
"""Parameters of a PostgreSQL URL that belong to its server, and not to the role or the session."""
# Host, port and database, as they look without a misplaced password.
_PLACE = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)?(:\d*)?(/[\w-]*)?(\?db=\w*)?")


def postgres_url(value: str) -> URL:
    """Parse a URL for SQLAlchemy with psycopg2. Accepts `postgres://`, as some platforms write it.

    Raises ArgumentError or ValueError.
    """
    return make_url(value.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")


def parts_of_list(value: str) -> tuple[str, ...]:
    """Return the parts of a list that is separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def replica_url(value: str, primary: URL) -> URL:
    """Return the URL of a replica. User and password, database and parameters that it lacks are the primary's."""
    url = postgres_url(value)
    shared = {name: primary.query[name] for name in primary.query if name not in OF_ONE_SERVER}
    credentials = url if url.username else primary
    return url.set(
        username=credentials.username,
        password=credentials.password,
        database=url.database or primary.database,
        query={**shared, "target_session_attrs": "any", **url.query},
    )


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
        return one_line(str(error).strip())
    except (ArgumentError, ValueError):
        return "must be postgresql://user:password@host:port/database, with %XX for special characters"
    return None


def shown_url(value: str, *, is_secret: bool) -> str:
    """Return the URL on one line, without user and password.

    Of a URL that may contain a secret anywhere, only host, port and database remain, and only if they look like that.
    """
    scheme, _, rest = value.partition("://")
    _, at, place = rest.rpartition("@")
    if is_secret and not _PLACE.fullmatch(place):
        place = "(secret)"
    return one_line(f"{scheme}://{'(secret)@' if at else ''}{place}")


def one_line(text: str) -> str:
    """Return at most SHOWN_CHARACTERS of the text, with control characters escaped."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."
