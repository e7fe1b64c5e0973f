"""URLs of PostgreSQL and Redis in settings: parsing, checks, and display without secrets."""

import re
from urllib.parse import parse_qsl, urlsplit

from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

REDIS_DATABASES = range(16)
SHOWN_CHARACTERS = 300
# Host, port and database, as they look without a misplaced password.
_PLACE = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)?(:\d*)?(/[\w-]*)?(\?db=\w*)?")


def postgres_url(value: str) -> URL:
    """Parse a URL for SQLAlchemy with psycopg2. Accepts `postgres://`, as some platforms write it.

    Raises ArgumentError or ValueError.
    """
    return make_url(value.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")


def place_of(url: URL) -> str:
    """Return `host:port/database` of a PostgreSQL URL, without user and password."""
    arguments = url.get_dialect()().create_connect_args(url)[1]
    host = str(arguments.get("host") or "(default host)")
    return f"{host}:{arguments.get('port', 5432)}/{arguments.get('dbname') or '(default database)'}"


def problem_of_postgres_url(value: str) -> str | None:
    """Return the reason why PostgreSQL's client would refuse the URL, without secrets, or None."""
    if not value.startswith(("postgresql:", "postgresql+psycopg2:", "postgres:")):
        return "must start with postgresql://"
    try:
        url = postgres_url(value)
        make_dsn(**url.get_dialect()().create_connect_args(url)[1])
    except ProgrammingError as error:  # libpq names the unknown parameter and shows no value
        return one_line(str(error).strip())
    except (ArgumentError, ValueError):
        return "must be postgresql://user:password@host:port/database, with %XX for special characters"
    return None


def problem_of_redis_url(value: str) -> str | None:
    """Return the reason why the URL is no address of a Redis database, or None."""
    if not value.startswith("redis://"):
        return "must start with redis://"
    try:
        make_url(value)
        parts = urlsplit(value)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        is_address = parts.port != 0 and not parts.fragment
    except (ArgumentError, ValueError):
        is_address = False
    if not is_address:
        return "must be redis://:password@host:port/db, with %XX for special characters"
    if options.keys() - {"db"}:
        return "has an unknown parameter; the only parameter is db"
    for database in (parts.path.removeprefix("/"), options.get("db")):
        if database and not (re.fullmatch("[0-9]{1,9}", database) and int(database) in REDIS_DATABASES):
            return f"the database must be a number, {REDIS_DATABASES[0]}-{REDIS_DATABASES[-1]}"
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
