"""Address of Redis: host and port or a Unix socket, database, user, and TLS."""

import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DATABASES = range(16)
SENTINEL_PORT = 26379
SCHEMES = "redis://, rediss:// (TLS) or unix://"
FORM = "must be redis://user:password@host:port/db, with %XX for special characters"
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
    form = SOCKET_FORM if is_socket else FORM
    try:
        url = urlsplit(value)
        options, port = _options(url), url.port
    except ValueError:
        return form
    names_socket = not url.hostname and port is None and url.path not in ("", "/")
    if url.fragment or not (names_socket if is_socket else port != 0):
        return form
    if options.keys() - {"db"}:
        return "has an unknown parameter; the only parameter is db"
    databases = options.get("db"), "" if is_socket else url.path.removeprefix("/")
    return (
        None if all(map(_is_database, databases)) else f"the database must be a number, {DATABASES[0]}-{DATABASES[-1]}"
    )


def parse_sentinel(value: str) -> tuple[str, int]:
    """Return host and port of a Sentinel. Raises ValueError."""
    url = urlsplit(f"//{value}")
    if not url.hostname or url.port == 0 or url.netloc != value or "@" in value:
        raise ValueError(value)
    return url.hostname, url.port or SENTINEL_PORT


def problem_of_sentinel(value: str) -> str | None:
    """Return the reason why the value is no address of a Sentinel, or None."""
    try:
        parse_sentinel(value)
    except ValueError:
        return f"{value or 'an empty entry'} is not host:port"
    return None


def problem_of_ca_file(file: Path, addresses: Sequence[RedisAddress]) -> str | None:
    """Return the reason why the file cannot be the CA of the servers, or None."""
    if addresses and not any(address.is_tls for address in addresses):
        return "needs REDIS_URL=rediss://…"
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return "is no PEM file with certificates"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _is_database(text: str | None) -> bool:
    return not text or (re.fullmatch("[0-9]{1,9}", text) is not None and int(text) in DATABASES)


def _options(url: SplitResult) -> dict[str, str]:
    """Return the parameters of the query. Raises ValueError."""
    return dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
