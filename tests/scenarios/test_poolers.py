"""Start-up options, and PgBouncer with its default settings in front of the database."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.postgres.database import Database, connection_arguments
from infrastructure.postgres.startup_options import service_options, usable_settings
from run_production import ConnectionLimit, connection_limit
from tests.pgbouncer import pgbouncer
from tests.servers import ROOT, environment_without_settings, running_app

ROLE = "limited"


def variables(settings: Settings, port: int, **changes: str) -> dict[str, str]:
    """Return the environment of a service that reaches the database at `port`."""
    names = "postgres_host", "postgres_user", "postgres_db", "redis_host", "redis_port"
    values = {name.upper(): str(getattr(settings, name)) for name in names}
    secrets = {
        name.upper(): getattr(settings, name).get_secret_value() for name in ("postgres_password", "redis_password")
    }
    return values | secrets | {"POSTGRES_PORT": str(port), "REDIS_DB": "2", "LOG_TO_FILE": "false"} | changes


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_service_works_behind_a_pooler_without_settings(settings: Settings, tmp_path: Path, mode: str) -> None:
    with (
        pgbouncer(settings.postgres_port, mode) as port,
        running_app(tmp_path, variables(settings, port)) as app,
        httpx2.Client(base_url=app.url, timeout=20) as client,
    ):
        made = client.post("/categories", json={"name": f"Behind {mode}"}, headers={"Idempotency-Key": f"key {mode}"})
        assert made.status_code == 201
        where = made.headers["Location"]
        for number in range(30):
            assert client.patch(where, json={"name": f"{mode} {number}"}).status_code == 200
            assert client.get(where).json()["name"] == f"{mode} {number}"
            assert client.get(f"/categories?limit={number + 1}").status_code == 200
        assert client.delete(where).status_code == 204
        said = app.log.read_text()
        assert said.count("connections have no start-up options because the server or its pooler refuses them") == 1
        assert "statement_timeout=5000ms" in said
        assert "Traceback" not in said


def test_statement_mode_prevents_the_start(settings: Settings, tmp_path: Path) -> None:
    with pgbouncer(settings.postgres_port, "statement") as port:
        environment = variables(settings, port, API_PORT=str(free_port()))
        done = subprocess.run(
            [sys.executable, str(ROOT / "run_production.py")],
            cwd=tmp_path,
            env=environment_without_settings() | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("pool_mode") == 1
    assert "Traceback" not in done.stderr


def with_url(settings: Settings, **query: str) -> Settings:
    url = settings.sqlalchemy_url().set(drivername="postgresql").update_query_dict(query)
    return settings.model_copy(update={"database_url": SecretStr(url.render_as_string(hide_password=False))})


def shown(settings: Settings, *names: str) -> list[str]:
    """Return settings of a session of the engine."""
    database = Database(settings)
    with closing(database), database.engine.connect() as connection:
        return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]


def test_options_of_the_url_are_joined_with_those_of_the_service(settings: Settings) -> None:
    wanted = with_url(settings, options="-csearch_path=app,public -c statement_timeout=1min")
    names = "search_path", "statement_timeout", "jit"
    assert shown(wanted, *names) == ["app,public", "5s", "off"]
    own = wanted.model_copy(update={"db_startup_options": False})
    assert shown(own, *names[:2]) == ["app,public", "1min"]
    assert "options" not in connection_arguments(settings.model_copy(update={"db_startup_options": False}))


@pytest.fixture
def limited(settings: Settings, superuser: Engine) -> Iterator[Settings]:
    """Yield settings with a role that has a limit of five connections."""
    with superuser.connect() as connection:
        connection.execute(text(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'limited' CONNECTION LIMIT 5"))
        yield settings.model_copy(update={"postgres_user": ROLE, "postgres_password": SecretStr("limited")})
        connection.execute(text(f"DROP ROLE {ROLE}"))


def test_budget_knows_the_limits_of_role_and_database(settings: Settings, limited: Settings, superuser: Engine) -> None:
    assert connection_limit(settings) == ConnectionLimit(697)
    assert connection_limit(limited) == ConnectionLimit(5, f"the role {ROLE}")
    with superuser.connect() as connection:
        connection.execute(text(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1"))
        connection.execute(text(f"ALTER DATABASE {settings.postgres_db} CONNECTION LIMIT 400"))
        try:
            assert connection_limit(limited) == ConnectionLimit(400, f"the database {settings.postgres_db}")
        finally:
            connection.execute(text(f"ALTER DATABASE {settings.postgres_db} CONNECTION LIMIT -1"))


def test_missing_settings_of_the_role_are_named_once(
    settings: Settings, limited: Settings, superuser: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Expect no warning once the role has them, in whatever unit."""
    wanted = limited.model_copy(update={"db_startup_options": False})
    with caplog.at_level("WARNING"):
        assert usable_settings(wanted) == wanted
        [record] = caplog.records
        assert all(
            name in record.getMessage() for name in ("statement_timeout=5000ms", "client_connection_check_interval")
        )
        with superuser.connect() as connection:
            for name, value in service_options(settings).items():
                connection.execute(text(f"ALTER ROLE {ROLE} SET {name} = '{value}'"))
        caplog.clear()
        assert usable_settings(wanted) == wanted
        assert not caplog.records
    assert usable_settings(settings) is settings
