"""Address of Redis: host and port or a Unix socket, database, user, and TLS."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DATABASES = range(16)
SCHEMES = "redis://, rediss:// (TLS) or unix://"
FORMS = "must be redis://user:password@host:port/db, with %XX for special characters"
SOCKET_FORM = "must be unix:///path?db=0, or unix://user:password@/path?db=0, with %XX for special characters"


class RedisAddress(NamedTuple):
    """Address and credentials. `path` is that of a Unix socket; then host and port do not count."""

    host: str
    port: int
    db: int
    password: str
    username: str = ""
    path: str = ""
    is_tls: bool = False
    ca_file: Path | None = None

    @property
    def place(self) -> str:
        """Return the address without credentials, for log lines."""
        return self.path or f"{self.host}:{self.port}"


def parse_redis_url(value: str) -> RedisAddress:
    """Parse a URL in which `problem_of_redis_url` has found none."""
    url = urlsplit(value)
    is_socket = url.scheme == "unix"
    database = _options(url).get("db") or ("" if is_socket else url.path.removeprefix("/"))
    return RedisAddress(
        url.hostname or "localhost",
        url.port or 6379,
        int(database or 0),
        unquote(url.password or ""),
        unquote(url.username or ""),
        unquote(url.path) if is_socket else "",
        is_tls=url.scheme == "rediss",
    )


def problem_of_redis_url(value: str) -> str | None:
    """Return the reason why the URL is no address of a Redis database, or None."""
    if not value.startswith(("redis://", "rediss://", "unix://")):
        return f"must start with {SCHEMES}"
    is_socket = value.startswith("unix:")
    try:
        url = urlsplit(value)
        options, port = _options(url), url.port
    except ValueError:
        return SOCKET_FORM if is_socket else FORMS
    if is_socket and (url.hostname or port is not None or url.fragment or url.path in ("", "/")):
        return SOCKET_FORM
    if not is_socket and (port == 0 or url.fragment):
        return FORMS
    if options.keys() - {"db"}:
        return "has an unknown parameter; the only parameter is db"
    for database in ("" if is_socket else url.path.removeprefix("/"), options.get("db")):
        if database and not (re.fullmatch("[0-9]{1,9}", database) and int(database) in DATABASES):
            return f"the database must be a number, {DATABASES[0]}-{DATABASES[-1]}"
    return None


def _options(url: SplitResult) -> dict[str, str]:
    """Return the parameters of the query. Raises ValueError."""
    return dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
