"""Recipe "add a column" of docs/ARCHITECTURE.md, applied to order details in copies of models and schemas."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config.settings import Settings
from migrations.runner import migrate
from tests.migrations.test_migrations import new_database
from tests.servers import ROOT, environment_without_settings

NEW_LINES = {
    "models/order_detail.py": {"class OrderDetailModel": "    gift_note: Mapped[str | None]"},
    "schemas/order_detail_schema.py": {
        "class OrderDetailCreate": "    gift_note: str | None = None",
        "class OrderDetailUpdate": "    gift_note: str | None = absent()",
    },
}
ADD_COLUMN = "ALTER TABLE order_details ADD COLUMN gift_note text"

# A process of its own: this one has imported the unchanged modules.
REQUESTS = """
import json
from fastapi.testclient import TestClient
from main import create_fastapi_app
from tests.factories import Factory

with TestClient(create_fastapi_app()) as client:
    made = Factory(client).order_detail(gift_note="For Ada")
    path = f"/order_details/{made['id_key']}"
    answers = [made, client.get(path).json(), client.get("/order_details").json()[0]]
    answers += [client.patch(path, json={"gift_note": None}).json(), client.get(path).json()]
    print(json.dumps([answer["gift_note"] for answer in answers]))
"""


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """Return a folder with copies of `models` and `schemas` that have the column."""
    for folder in ("models", "schemas"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name, lines in NEW_LINES.items():
        file = tmp_path / name
        file.write_text(add_attributes(file.read_text(), lines))
    return tmp_path


def add_attributes(source: str, lines: dict[str, str]) -> str:
    """Insert each line before the first `order_id` of its class."""
    for header, line in lines.items():
        before, found, body = source.partition(header)
        assert found, header
        source = before + found + body.replace("    order_id:", f"{line}\n    order_id:", 1)
    return source


def test_added_column_is_created_read_and_updated(settings: Settings, edited: Path) -> None:
    with new_database(settings, "gift_notes") as (own, engine):
        migrate(own)
        with engine.begin() as connection:
            connection.execute(text(ADD_COLUMN))
        assert run_requests(edited, own) == ["For Ada", "For Ada", "For Ada", None, None]


def run_requests(edited: Path, settings: Settings) -> Any:
    """Run `REQUESTS` with the edited modules before those of the project; return the notes in the responses."""
    password = settings.postgres_password.get_secret_value()
    database = {
        "POSTGRES_HOST": str(settings.postgres_host),
        "POSTGRES_PORT": str(settings.postgres_port),
        "POSTGRES_USER": settings.postgres_user,
        "POSTGRES_PASSWORD": password,
        "POSTGRES_DB": settings.postgres_db,
    }
    others = {
        "REDIS_ENABLED": "false",
        "LOG_TO_FILE": "false",
        "LOG_LEVEL": "ERROR",
        "PYTHONPATH": f"{edited}{os.pathsep}{ROOT}",
    }
    command = [sys.executable, "-c", REQUESTS]
    run = subprocess.run(
        command,
        cwd=edited,
        env=environment_without_settings() | database | others,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout.splitlines()[-1])
