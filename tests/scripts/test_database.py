"""Database of the scripts: the named one or an error, also beside a running service."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from config.settings import Settings
from infrastructure.embedded.lifecycle import embedded_servers
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.servers import SUPERUSER
from infrastructure.postgres.roles import OWNER
from migrations.runner import migrate
from tests.servers import ROOT

SCRIPTS = (
    ("scripts.api_key", "make", "admin"),
    ("scripts.audit",),
    ("scripts.demo",),
    ("migrations.runner",),
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Own the embedded servers as a running service does, and yield its settings."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        with embedded_servers(Settings(_env_file=None, data_dir=folder / ".data"), fast=True) as settings:
            migrate(settings)
            yield settings


def run(folder: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in `folder` with only the settings of `environment`."""
    names = {name.upper() for name in Settings.model_fields}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def rows(service: Settings) -> int:
    """Return the number of keys and products in the service's own database."""
    url = service.sqlalchemy_url().set(drivername="postgresql")
    connection = psycopg2.connect(url.render_as_string(hide_password=False))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM api_keys) + (SELECT count(*) FROM products)")
        [count] = cursor.fetchone() or (0,)
    connection.close()
    return int(count)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script[0])
@pytest.mark.parametrize("named", ["host", "database", "url"])
def test_a_named_database_that_is_away_is_an_error(service: Settings, script: tuple[str, ...], named: str) -> None:
    port = str(free_port())
    environment, place = {
        "host": ({"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": port}, f"127.0.0.1:{port}/ecommerce_db"),
        "database": ({"POSTGRES_DB": "nosuch"}, f"127.0.0.1:{service.postgres_port}/nosuch"),
        "url": ({"DATABASE_URL": f"postgresql://u:hunter2@127.0.0.1:{port}/shop"}, f"127.0.0.1:{port}/shop"),
    }[named]
    if script == ("migrations.runner",) and named != "database":
        pytest.skip("migrations wait for a configured server")
    before = rows(service)
    done = run(service.data_dir.parent, *script, **environment)
    assert done.returncode == (2 if script == ("scripts.audit",) else 1)
    assert done.stdout == ""
    assert done.stderr.startswith(f"Database: {place}\n")
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert rows(service) == before


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script[0])
def test_the_database_of_the_running_service_is_used_and_printed(service: Settings, script: tuple[str, ...]) -> None:
    done = run(service.data_dir.parent, *script)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Database: 127.0.0.1:{service.postgres_port}/ecommerce_db\n")
    assert service.postgres_password.get_secret_value() not in done.stderr


def test_another_database_of_the_same_server_can_be_checked(service: Settings) -> None:
    """Check a restored backup beside the running service."""
    password = (service.data_dir / "password").read_text()
    url = service.sqlalchemy_url().set(
        drivername="postgresql", database="postgres", username=SUPERUSER, password=password
    )
    connection = psycopg2.connect(url.render_as_string(hide_password=False))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE restored OWNER {OWNER}")
    connection.close()
    migrate(service.model_copy(update={"postgres_db": "restored"}))
    done = run(service.data_dir.parent, "scripts.audit", POSTGRES_DB="restored")
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"Database: 127.0.0.1:{service.postgres_port}/restored\n"


def test_the_migrations_print_the_database_that_they_use(service: Settings) -> None:
    url = service.migration_url().set(drivername="postgresql").render_as_string(hide_password=False)
    service_url = "postgresql://app@127.0.0.1:1/shop"
    done = run(service.data_dir.parent, "migrations.runner", DATABASE_URL=service_url, MIGRATION_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Database: 127.0.0.1:{service.postgres_port}/ecommerce_db\n")
    assert service.postgres_password.get_secret_value() not in done.stderr
