"""Embedded PostgreSQL and Valkey for development and tests. They start and stop with the application."""

import fcntl
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import psycopg2
from pydantic import SecretStr

from config.settings import Settings
from infrastructure.embedded.binaries import postgres_folder, postgres_major
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from infrastructure.embedded.supervisor import supervised
from infrastructure.postgres.roles import OWNER, SERVICE, Role

POSTGRES_PORT = 25432
REDIS_PORT = 26379

POSTGRES_FIELDS = (
    *("postgres_host", "postgres_port", "postgres_user", "postgres_password"),
    *("postgres_owner", "postgres_owner_password"),
)
REDIS_FIELDS = ("redis_host", "redis_port", "redis_password")
SECRET_FIELDS = ("postgres_password", "postgres_owner_password", "redis_password")

Fields = dict[str, str | int]


@contextmanager
def embedded_servers(settings: Settings, *, share: bool = False, fast: bool = False) -> Iterator[Settings]:
    """Start the servers that have no address in `settings`, and yield settings with their addresses.

    The environment holds the addresses too, for child processes. One process at a time owns a DATA_DIR. A second one
    exits with a message or, with `share`, uses the servers of the first for addresses that are not configured. A
    database that is missing is created, but with `share` only in a new cluster. `fast` gives up durability after a
    power failure.
    """
    if not settings.embeds_servers:
        yield settings
        return
    folder = settings.data_dir.resolve()
    with ExitStack() as stack:
        lock = stack.enter_context(_open_lock(folder))
        if _acquire(lock):
            fields = _start(settings, folder, stack, creates=not share, fast=fast)
            json.dump(fields, lock)
            lock.flush()
        elif share:
            fields = _shared(settings, folder, lock.read())
        else:
            sys.exit(f"DATA_DIR={folder}: the service already runs on it. Stop it, or choose another DATA_DIR.")
        stack.enter_context(_exported(fields | {"postgres_db": settings.postgres_db}))
        typed = {name: SecretStr(str(value)) if name in SECRET_FIELDS else value for name, value in fields.items()}
        yield settings.model_copy(update=typed)


def _start(settings: Settings, folder: Path, stack: ExitStack, *, creates: bool, fast: bool) -> Fields:
    password = _password(folder / "password")
    fields: Fields = {}
    if settings.embeds_postgres:
        data = cluster_folder(folder, postgres_major(postgres_folder()))
        postgres = stack.enter_context(PostgresServer(data, free_port(POSTGRES_PORT), password, fast=fast))
        if creates or postgres.is_new:
            postgres.create_database(settings.postgres_db)
        owner, service = (Role(name, _password(folder / f"password-{name}")) for name in (OWNER, SERVICE))
        with suppress(psycopg2.OperationalError):  # a script reports itself that there is no such database
            postgres.prepare_database(settings.postgres_db, owner, service)
        stack.enter_context(supervised(postgres))
        fields |= {"postgres_host": LOOPBACK, "postgres_port": postgres.port}
        fields |= {"postgres_user": service.name, "postgres_password": service.password}
        fields |= {"postgres_owner": owner.name, "postgres_owner_password": owner.password}
    if settings.embeds_redis:
        valkey = stack.enter_context(ValkeyServer(folder / "valkey", free_port(REDIS_PORT), password))
        stack.enter_context(supervised(valkey))
        fields |= {"redis_host": LOOPBACK, "redis_port": valkey.port, "redis_password": password}
    return fields


def _shared(settings: Settings, folder: Path, text: str) -> Fields:
    """Return the addresses that `settings` lack, of the servers of the process that owns the DATA_DIR.

    Exits when that process has no such server, because it uses a configured one.
    """
    if not text:
        sys.exit(f"DATA_DIR={folder}: the service is starting or stopping. Try again.")
    running: Fields = json.loads(text)
    missing = [*POSTGRES_FIELDS * settings.embeds_postgres, *REDIS_FIELDS * settings.embeds_redis]
    for name in missing:
        if name not in running:
            sys.exit(f"{name.upper()}=: has to be set, because the service on DATA_DIR={folder} has no embedded server")
    return {name: running[name] for name in missing}


def cluster_folder(data_dir: Path, major: int) -> Path:
    """Return the folder for data of this major version of PostgreSQL. Data in `postgres` of the same one stay there.

    Exits when there are only data of other versions, which this version cannot read.
    """
    own, unversioned = data_dir / f"postgres-{major}", data_dir / "postgres"
    versions = {
        file.parents[1]: file.read_text().strip() for file in sorted(data_dir.glob("postgres*/data/PG_VERSION"))
    }
    if not versions or own in versions:
        return own
    if versions.get(unversioned) == str(major):
        return unversioned
    others = ", ".join(f"{version} in {folder.name}" for folder, version in versions.items())
    sys.exit(
        f"DATA_DIR={data_dir}: holds data of PostgreSQL {others}, and the programs are those of PostgreSQL {major}. "
        "Choose another DATA_DIR to start with an empty database, or remove the data with `make clean-data`. "
        "docs/OPERATIONS.md (Another version of PostgreSQL) explains how to take the data along."
    )


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
