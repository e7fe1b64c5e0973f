"""Lock of the migrations: waiting, stopping, PgBouncer in transaction mode, and a separate database URL."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from migrations import runner
from migrations.runner import ADVISORY_LOCK, migrate
from tests.migrations.test_migrations import new_database, schema
from tests.pgbouncer import pgbouncer
from tests.servers import ROOT

WAITS = "another session migrates the database, waiting for its lock: PostgreSQL's process"


@pytest.fixture
def empty(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with new_database(settings, "locked") as made:
        yield made


@contextmanager
def locked(engine: Engine) -> Iterator[int]:
    """Hold the lock as an older version does, for the session, and yield the server's process."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
        yield int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def is_migrated(engine: Engine) -> bool:
    with engine.connect() as connection:
        return "products" in {row[0] for row in schema(connection, "columns")["columns"]}


def test_a_held_lock_is_waited_for_and_named_once(
    empty: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture
) -> None:
    settings, engine = empty
    attempts = threading.Semaphore(0)
    starting = threading.Thread(target=migrate, args=(settings,))
    with locked(engine) as process, pytest.MonkeyPatch.context() as patch:
        patch.setattr("migrations.runner.time.sleep", lambda _: attempts.release())
        starting.start()
        for _ in range(3):
            assert attempts.acquire(timeout=30)
        assert not is_migrated(engine)
    starting.join(60)
    assert is_migrated(engine)
    assert [record.getMessage() for record in caplog.records if "lock" in record.getMessage()] == [f"{WAITS} {process}"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "program",
    ["migrations.runner", "infrastructure.server.launcher"],
)
def test_a_signal_ends_the_wait(
    empty: tuple[Settings, Engine], tmp_path: Path, number: signal.Signals, program: str
) -> None:
    settings, engine = empty
    environment = os.environ | {"POSTGRES_DB": settings.postgres_db, "PYTHONPATH": str(ROOT)}
    with (
        locked(engine) as process,
        subprocess.Popen(
            [sys.executable, "-m", program],
            cwd=tmp_path,
            env=environment | {"API_PORT": str(free_port())},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as waiting,
    ):
        assert waiting.stdout
        said = ""
        while WAITS not in said:
            line = waiting.stdout.readline()
            assert line, said
            said += line
        waiting.send_signal(number)
        code = waiting.wait(10)
        assert str(process) in said
        assert code == (128 + number if program == "migrations.runner" else 0)
        assert "Traceback" not in said + waiting.stdout.read()
    assert not is_migrated(engine)


def test_the_lock_ends_with_the_migration(empty: tuple[Settings, Engine]) -> None:
    settings, engine = empty
    migrate(settings)
    with engine.connect() as connection:
        held = connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar()
    assert held == 0


def test_the_lock_ends_with_a_migration_that_fails(
    empty: tuple[Settings, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, engine = empty

    def fail(*_: object) -> None:
        raise ValueError("wrong migration")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_upgrade", fail)
        with pytest.raises(ValueError, match="wrong migration"):
            migrate(settings)
    migrate(settings)
    assert is_migrated(engine)


def test_the_role_s_limit_for_requests_does_not_cut_off_a_migration(
    empty: tuple[Settings, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, engine = empty
    shown = []
    monkeypatch.setattr(
        runner,
        "_upgrade",
        lambda connection, _: shown.append(connection.execute(text("SHOW statement_timeout")).scalar()),
    )
    with engine.begin() as connection:
        connection.execute(text("ALTER DATABASE locked SET statement_timeout = '5s'"))
    migrate(settings)
    assert shown == ["0"]


def test_a_database_that_is_away_is_reported_after_the_wait(settings: Settings) -> None:
    away = settings.model_copy(update={"postgres_db": "nosuch"})
    with pytest.raises(OperationalError, match='database "nosuch" does not exist'):
        migrate(away, wait_seconds=0)


def test_migrations_use_their_own_url(empty: tuple[Settings, Engine]) -> None:
    """Migrate as the owner, while the service's own role cannot even connect."""
    settings, engine = empty
    url = settings.migration_url().set(drivername="postgresql").render_as_string(hide_password=False)
    own = {"migration_database_url": SecretStr(url), "postgres_user": "nobody"}
    migrate(settings.model_copy(update=own), wait_seconds=0)
    assert is_migrated(engine)


@pytest.fixture
def pooled(empty: tuple[Settings, Engine]) -> Iterator[URL]:
    """Yield the URL of the empty database through PgBouncer in transaction mode, with three server connections."""
    target = empty[0].migration_url()
    assert target.port
    with pgbouncer(target.port) as port:
        yield make_url(f"postgresql+psycopg2://{target.username}@{LOOPBACK}:{port}/{target.database}")


def through(url: URL) -> Settings:
    return Settings(_env_file=None, database_url=SecretStr(url.render_as_string()))


def test_migrations_run_again_and_again_behind_pgbouncer(empty: tuple[Settings, Engine], pooled: URL) -> None:
    """Migrate from several instances at once. No lock stays in a server connection of the pool."""
    _, engine = empty
    for _ in range(2):
        threads = [threading.Thread(target=migrate, args=(through(pooled),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    assert is_migrated(engine)
    with engine.connect() as connection:
        held = connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar()
        pool_size = connection.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = 'locked' AND pid <> pg_backend_pid()")
        ).scalar_one()
    assert held == 0
    assert 1 <= pool_size <= 3


def test_migrations_go_past_pgbouncer(empty: tuple[Settings, Engine], pooled: URL) -> None:
    settings, engine = empty
    direct = settings.migration_url().render_as_string(hide_password=False)
    with_both = through(pooled).model_copy(update={"migration_database_url": SecretStr(direct)})
    with create_engine(pooled, poolclass=NullPool).connect() as connection:
        connection.execute(text("SELECT 1"))
        migrate(with_both, wait_seconds=0)
    assert is_migrated(engine)
