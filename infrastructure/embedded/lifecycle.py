"""Embedded PostgreSQL and Valkey for development and tests. They start and stop with the application."""

import fcntl
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from pydantic import SecretStr

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import SUPERUSER, PostgresServer, ValkeyServer

POSTGRES_PORT = 25432
REDIS_PORT = 26379

SECRET_FIELDS = ("postgres_password", "redis_password")

Fields = dict[str, str | int]


@contextmanager
def embedded_servers(settings: Settings, *, share: bool = False, fast: bool = False) -> Iterator[Settings]:
    """Start the servers that have no address in `settings`, and yield settings with their addresses.

    The environment holds the addresses too, for child processes. One process at a time owns a DATA_DIR. A second one
    exits with a message or, with `share`, uses the servers of the first. `fast` gives up durability after a power
    failure.
    """
    if not settings.embeds_servers:
        yield settings
        return
    folder = settings.data_dir.resolve()
    with ExitStack() as stack:
        lock = stack.enter_context(_open_lock(folder))
        if _acquire(lock):
            fields = _start(settings, folder, stack, fast=fast)
            json.dump(fields, lock)
            lock.flush()
        elif share and (text := lock.read()):
            fields = json.loads(text)
        else:
            sys.exit(f"DATA_DIR={folder}: the service already runs on it. Stop it, or choose another DATA_DIR.")
        stack.enter_context(_exported(fields))
        typed = {name: SecretStr(str(value)) if name in SECRET_FIELDS else value for name, value in fields.items()}
        yield settings.model_copy(update=typed)


def _start(settings: Settings, folder: Path, stack: ExitStack, *, fast: bool) -> Fields:
    password = _password(folder / "password")
    fields: Fields = {}
    if settings.embeds_postgres:
        postgres = PostgresServer(folder / "postgres", free_port(POSTGRES_PORT), password, fast=fast)
        stack.enter_context(postgres).create_database(settings.postgres_db)
        fields |= {"postgres_host": LOOPBACK, "postgres_port": postgres.port, "postgres_user": SUPERUSER}
        fields |= {"postgres_password": password, "postgres_db": settings.postgres_db}
    if settings.embeds_redis:
        valkey = stack.enter_context(ValkeyServer(folder / "valkey", free_port(REDIS_PORT), password))
        fields |= {"redis_host": LOOPBACK, "redis_port": valkey.port, "redis_password": password}
    return fields


def _open_lock(folder: Path) -> IO[str]:
    """Open the lock file. The kernel releases its lock when this process ends; sharing processes read its contents."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
    except OSError as error:
        sys.exit(f"DATA_DIR={folder}: {error.strerror}")


def _acquire(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    lock.truncate()
    return True


def _password(file: Path) -> str:
    """Return the password in `file`. Create it on the first start, before the database that uses it."""
    if not file.exists() or not file.read_text():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text()


@contextmanager
def _exported(fields: Fields) -> Iterator[None]:
    """Put the fields into the environment, and restore it afterwards."""
    values = {name.upper(): str(value) for name, value in fields.items()}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
