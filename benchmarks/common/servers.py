"""Private servers of a measurement: PostgreSQL with fsync on, Valkey, and a demo shop."""

import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from redis import Redis

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from infrastructure.postgres.roles import OWNER, SERVICE, Role
from migrations.runner import migrate
from scripts.demo.fill import fill

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / ".data"  # on a disk, because fsync costs nothing on a /tmp in memory

Parameters = Mapping[str, object] | None


@dataclass(frozen=True)
class Servers:
    folder: Path
    postgres: PostgresServer
    valkey: ValkeyServer

    def environment(self, database: str = "ecommerce_db") -> dict[str, str]:
        """Return the servers' addresses as settings of the service, and as URLs for the other programs."""
        password = self.postgres.password
        return {
            "POSTGRES_HOST": LOOPBACK,
            "POSTGRES_PORT": str(self.postgres.port),
            "POSTGRES_USER": SERVICE,
            "POSTGRES_PASSWORD": password,
            "POSTGRES_OWNER": OWNER,
            "POSTGRES_OWNER_PASSWORD": password,
            "POSTGRES_DB": database,
            "REDIS_HOST": LOOPBACK,
            "REDIS_PORT": str(self.valkey.port),
            "REDIS_PASSWORD": self.valkey.password,
            "BENCH_DATABASE": f"postgresql://{OWNER}:{password}@{LOOPBACK}:{self.postgres.port}/{database}",
            "BENCH_REDIS": f"redis://:{self.valkey.password}@{LOOPBACK}:{self.valkey.port}/1",
        }

    def settings(self, database: str = "ecommerce_db") -> Settings:
        return Settings(
            _env_file=None,
            postgres_host=LOOPBACK,
            postgres_port=self.postgres.port,
            postgres_user=SERVICE,
            postgres_password=SecretStr(self.postgres.password),
            postgres_owner=OWNER,
            postgres_owner_password=SecretStr(self.postgres.password),
            postgres_db=database,
            redis_host=LOOPBACK,
            redis_port=self.valkey.port,
            redis_password=SecretStr(self.valkey.password),
        )

    def query(self, sql: str, parameters: Parameters = None, database: str = "ecommerce_db") -> list[tuple[Any, ...]]:
        with closing(self.postgres.connect(database)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def valkey_clients(self) -> int:
        """Count the connections to Valkey, including the one that asks."""
        with Redis(LOOPBACK, self.valkey.port, password=self.valkey.password) as redis:
            return int(redis.info("clients")["connected_clients"])

    def create_database(self, name: str) -> None:
        """Create a database unless it exists, for the service's two roles."""
        self.postgres.create_database(name)
        password = self.postgres.password
        self.postgres.prepare_database(name, Role(OWNER, password), Role(SERVICE, password))

    def fill(self, products: int, database: str = "ecommerce_db") -> None:
        """Create a demo shop with this number of products, unless the database already has it."""
        self.create_database(database)
        migrate(self.settings(database))
        fill(self.settings(database), products, seed=1)
        # The peers know no SKU. Without triggers, since the event of each row would take long.
        self.query("SET session_replication_role = replica; UPDATE products SET sku = NULL", database=database)


@contextmanager
def private_servers(keep: str | None = None) -> Iterator[Servers]:
    """Start both servers on their own ports and folders, so that nothing else on the machine is affected.

    `keep` names a folder that is not deleted, for data that takes long to create.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the servers stop and the folder is deleted
    DATA.mkdir(mode=0o700, exist_ok=True)
    folder = DATA / f"bench-{keep}" if keep else Path(tempfile.mkdtemp(prefix="bench-", dir=DATA))
    folder.mkdir(mode=0o700, exist_ok=True)
    password = _password(folder / "password")
    postgres = PostgresServer(folder / "postgres", free_port(), password)
    valkey = ValkeyServer(folder / "valkey", free_port(), password)
    try:
        with ExitStack() as stack:
            servers = Servers(folder, stack.enter_context(postgres), stack.enter_context(valkey))
            servers.create_database("ecommerce_db")
            yield servers
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text()


def clean_slate(servers: Servers, *statements: str) -> Callable[[], None]:
    """Return a function that restores the tables after a run that writes, so that all runs start alike."""

    def clean() -> None:
        for statement in (*statements, "CHECKPOINT"):
            servers.query(statement)

    return clean


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the service's settings, so that only the benchmark sets them."""
    names = {"WEB_CONCURRENCY", *(name.upper() for name in Settings.model_fields)}
    return {name: value for name, value in environment.items() if name not in names}
