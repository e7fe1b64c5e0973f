"""`shop doctor`: it finds faults of settings, PostgreSQL and Redis, and names remedies."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config.redis_config import redis_client_of
from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.servers import SUPERUSER
from infrastructure.postgres.database import Database
from infrastructure.postgres.roles import SERVICE
from migrations.runner import migrate
from scripts.doctor import redis
from scripts.doctor.findings import clock_finding
from scripts.shop import app as shop
from tests.migrations.test_migrations import new_database
from tests.servers import PASSWORD, superuser_url

Found = dict[tuple[str, str], str]
Doctor = Callable[[int], Found]

HEALTHY = {
    "Settings": ("values", "access"),
    "PostgreSQL": (
        *("connection", "version", "clock", "encoding", "migrations", "rights", "extensions"),
        *("role", "session", "connections"),
    ),
    "Redis": ("connection", "version", "memory", "clock"),
}


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Doctor:
    """Return a function that runs the command, expects the exit code, and returns the findings of each check.

    A finding is `status: detail remedy`.
    """
    monkeypatch.chdir(tmp_path)

    def examine(code: int) -> Found:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            shop(["doctor", "--json"], standalone_mode=False)
        report = json.loads(capsys.readouterr().out)
        assert (stopped.value.code, report["is_healthy"]) == (code, not code), report
        return {
            (one["area"], one["check"]): f"{one['status']}: {one['detail']} {one['remedy']}".strip()
            for one in report["findings"]
        }

    return examine


def test_a_healthy_shop(committing: Database, doctor: Doctor) -> None:
    found = doctor(0)
    assert list(found) == [(area, check) for area, checks in HEALTHY.items() for check in checks]
    found.pop(("Settings", "access"))
    assert {finding.partition(":")[0] for finding in found.values()} == {"ok"}


def test_text_names_counts_and_remedies(
    committing: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_ENABLED", "false")
    (tmp_path / ".env").write_text("RATE_LIMIT_CALL=5\nREGISTRY=example.com\n")
    with pytest.raises(SystemExit):
        shop(["doctor"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("  warning  names        .env: RATE_LIMIT_CALL is no setting")
    assert lines[place + 1] == "           → Write RATE_LIMIT_CALLS."
    assert "  skipped  connection   REDIS_ENABLED is false" in lines
    assert "REGISTRY" not in "".join(lines)
    assert lines[-1].endswith("1 skipped")


def test_wrong_settings_are_listed(monkeypatch: pytest.MonkeyPatch, doctor: Doctor) -> None:
    monkeypatch.setenv("API_PORT", "x")
    [finding] = doctor(1).values()
    assert finding.startswith("failed: API_PORT=x: ")
    assert "Correct it in .env" in finding


def test_servers_that_are_away(monkeypatch: pytest.MonkeyPatch, doctor: Doctor) -> None:
    monkeypatch.setattr(redis, "WAIT_SECONDS", 0.2)
    for name in ("POSTGRES_PORT", "REDIS_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    monkeypatch.setenv("REDIS_PREFIX", "doctor")
    found = doctor(1)
    assert found["PostgreSQL", "connection"].startswith("failed: 127.0.0.1:")
    assert "Connection refused" in found["PostgreSQL", "connection"]
    assert found["PostgreSQL", "connection"].endswith("or DATABASE_URL.")
    assert found["Redis", "connection"].startswith("failed: Redis is away: ")
    assert "Start it, or correct REDIS_HOST" in found["Redis", "connection"]


def test_a_database_without_migrations_and_without_a_right(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    monkeypatch.setenv("REDIS_ENABLED", "false")
    with new_database(settings, "examined") as (own, _):
        monkeypatch.setenv("POSTGRES_DB", own.postgres_db)
        found = doctor(1)
        assert found["PostgreSQL", "migrations"].startswith("failed: the database is not migrated")
        assert found["PostgreSQL", "migrations"].endswith("Run ./shop migrate, or make migrate.")
        assert found["PostgreSQL", "rights"] == "skipped: needs the migrations"
        migrate(own)
        server = create_engine(superuser_url(own), poolclass=NullPool)
        with server.begin() as connection:
            connection.execute(text(f"REVOKE INSERT ON categories, audit FROM {SERVICE}"))
        found = doctor(1)
        assert found["PostgreSQL", "rights"].startswith("failed: missing: INSERT ON audit, INSERT ON categories Run")
        migrate(own)
        assert doctor(0)["PostgreSQL", "rights"].startswith("ok: ")
        monkeypatch.setenv("POSTGRES_USER", SUPERUSER)
        monkeypatch.setenv("POSTGRES_PASSWORD", PASSWORD)
        monkeypatch.setenv("DB_POOL_SIZE", "1000")
        found = doctor(0)
        assert "is the superuser postgres" in found["PostgreSQL", "role"].replace("the service is", "is")
        assert found["PostgreSQL", "rights"].startswith("warning: the role owns the tables")
        assert found["PostgreSQL", "connections"].startswith("warning: ")


def test_a_user_of_redis_without_a_right(
    settings: Settings, committing: Database, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    client: Any = redis_client_of(settings)
    with client:
        client.execute_command("ACL", "SETUSER", "examined", "on", ">pw", "~*", "+auth", "+zrem")
        monkeypatch.setenv("REDIS_USERNAME", "examined")
        monkeypatch.setenv("REDIS_PASSWORD", "pw")
        found = doctor(1)
        client.execute_command("ACL", "DELUSER", "examined")
    assert "Redis refuses this worker: the user lacks a right: add it to the rule" in found["Redis", "connection"]


@pytest.mark.parametrize(
    ("area", "memory", "policy", "status"),
    [
        ("Redis", 2**28, "allkeys-lru", "ok"),
        ("Redis", 2**28, "noeviction", "warning"),
        ("Redis", 0, "allkeys-lru", "warning"),
        ("Redis of the limiter", 2**28, "noeviction", "ok"),
    ],
)
def test_memory_of_redis(area: str, memory: int, policy: str, status: str) -> None:
    assert redis.memory_finding(area, memory, policy).status == status


@pytest.mark.parametrize(("skew", "status"), [(0.0, "ok"), (-0.9, "ok"), (5.0, "warning"), (-61.0, "warning")])
def test_clocks(skew: float, status: str) -> None:
    finding = clock_finding("Redis", skew)
    assert finding.status == status
    assert ("ahead of" in finding.detail) == (skew > 1)
