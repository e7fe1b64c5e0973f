"""Encoding of the database: each start refuses one that cannot store Unicode."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from migrations.runner import migrate
from tests.servers import ROOT, environment_without_settings, superuser_url

MESSAGE = "The database 127.0.0.1:{}/narrow has the encoding {}, which cannot store every text (allowed: UTF8)"


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def narrow(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[Settings, str]]:
    """Yield settings of a database with another encoding, and the message that refuses it."""
    server = create_engine(superuser_url(settings), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    options = f"ENCODING '{request.param}' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE narrow {options}"))
    try:
        narrow = settings.model_copy(update={"postgres_db": "narrow"})
        yield narrow, MESSAGE.format(settings.postgres_port, request.param)
    finally:
        with server.connect() as connection:
            connection.execute(text("DROP DATABASE narrow WITH (FORCE)"))


def test_narrow_encoding_is_refused(narrow: tuple[Settings, str]) -> None:
    settings, message = narrow
    with pytest.raises(SystemExit) as stopped:
        migrate(settings)
    assert stopped.value.code == message
    with create_engine(settings.sqlalchemy_url(), poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0


@pytest.mark.parametrize(
    "program",
    [
        ["-m", "migrations.runner"],
        ["-m", "alembic", "upgrade", "head"],
        ["run_production.py"],
        ["-m", "infrastructure.server.launcher"],
    ],
)
def test_every_start_ends_with_the_line(narrow: tuple[Settings, str], tmp_path: Path, program: list[str]) -> None:
    settings, message = narrow
    names = ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_DB")
    environment = {name: str(getattr(settings, name.lower())) for name in names} | {
        "POSTGRES_PASSWORD": settings.postgres_password.get_secret_value(),
        "REDIS_ENABLED": "false",
        "API_PORT": str(free_port()),
        "LOG_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, *program],
        cwd=ROOT,
        env=environment_without_settings() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == message
    assert "Traceback" not in done.stdout + done.stderr
