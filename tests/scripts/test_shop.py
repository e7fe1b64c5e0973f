"""The command line: quick help, output for people and programs, and the event log."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import CHECKS
from scripts.events import events
from scripts.shop import app as shop
from services.events.event_service import EventService
from tests.database import as_owner
from tests.factories import Factory, Object
from tests.servers import ROOT

HEAVY = ("alembic", "config", "fastapi", "infrastructure", "psycopg2", "rich", "services", "sqlalchemy")
COMMANDS = ("demo", "audit", "migrate", "events", "doctor", "api-key")


@pytest.fixture(autouse=True)
def _in_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # without the .env of the project


def output(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    shop([str(argument) for argument in arguments], standalone_mode=False)
    return capsys.readouterr().out


def test_the_command_line_starts_without_the_service() -> None:
    program = f"import sys, scripts.shop; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(f" {command} " in output(capsys, "--help") for command in COMMANDS)
    assert "--overlap" in output(capsys, "api-key", "rotate", "--help")


def test_the_executable_runs_from_any_folder(settings: Settings) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / "shop", "migrate", "--json"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"migration": ScriptDirectory(str(ROOT / "migrations")).get_current_head()}
    assert done.stderr.startswith(f"Database: {settings.postgres_host}:{settings.postgres_port}/ecommerce_db\n")


def test_the_audit_names_problems_by_check(
    capsys: pytest.CaptureFixture[str], committing_client: TestClient, committing: Database
) -> None:
    product = Factory(committing_client).product(stock=10)["id_key"]
    with pytest.raises(SystemExit, match=r"^False$"):
        shop(["audit", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == {check: [] for check in CHECKS}
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text("UPDATE stock_movements SET quantity = 9"))
    with pytest.raises(SystemExit, match=r"^True$"):
        shop(["audit", "--json"], standalone_mode=False)
    assert f"product {product}: 10 in stock" in json.loads(capsys.readouterr().out)["stock"][0]


@pytest.fixture
def categories(committing_client: TestClient) -> list[Object]:
    return [Factory(committing_client).category() for _ in range(3)]


def test_events_are_printed_oldest_first(capsys: pytest.CaptureFixture[str], categories: list[Object]) -> None:
    newest = [json.loads(line) for line in output(capsys, "events", "--limit", 2, "--json").splitlines()]
    assert [event["data"] for event in newest] == categories[1:]
    first = newest[0]["id_key"] - 1
    later = output(capsys, "events", "--after", first, "--type", "category.created", "--limit", 1)
    assert later.split() == [
        str(newest[0]["id_key"]),
        newest[0]["created_at"][:19],
        "category.created",
        newest[0]["resource"],
    ]
    assert output(capsys, "events", "--type", "category.deleted") == ""


def test_events_are_followed(app: FastAPI, client: TestClient, make: Factory) -> None:
    service = EventService(app.state.app_context)
    made = [make.category(), make.category()]

    async def follow() -> list[Object]:
        found, log = [], events(service, None, "category.created", 1, follow=True)
        found.append(await anext(log))
        following = asyncio.ensure_future(anext(log))
        await asyncio.sleep(0)
        made.append(await asyncio.to_thread(make.category))
        found.append(await following)
        await log.aclose()
        return [event["data"] for event in found]

    assert client.portal is not None
    assert client.portal.call(follow) == made[1:]
