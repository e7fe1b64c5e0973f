"""API keys on the command line: creation, list, revocation, and messages for wrong arguments."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.postgres.database import Database
from scripts.shop import app as shop
from services.auth.api_keys import digest_of
from tests.credentials import service
from tests.factories import Factory
from tests.migrations.test_migrations import new_database
from tests.servers import ROOT

Run = Callable[..., str]
NO_NETWORK = "networks.0: Input should be a network such as 203.0.113.0/24 or 2001:db8::/32, or an address"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Return a function that runs the script on the session's database and returns its output."""
    monkeypatch.chdir(tmp_path)

    def run_script(*arguments: object) -> str:
        capsys.readouterr()
        shop(["api-key", *map(str, arguments)], standalone_mode=False)
        return capsys.readouterr().out

    return run_script


@pytest.fixture
def key_service(settings: Settings, committing_client: TestClient) -> Iterator[TestClient]:
    """Yield a client of a service that requires API keys; the tables are emptied afterwards."""
    with service(settings, auth_mode="api_key") as http:
        yield http


def name_and_key(output: str) -> tuple[str, str]:
    found = re.fullmatch(
        r"Name  ([0-9a-f]{8})\nKey   (eck_\w{49})\nIt is not shown again\. Send it as X-API-Key\.\n",
        output,
        re.ASCII,
    )
    assert found, output
    return found[1], found[2]


def status(http: TestClient, key: str, path: str = "/audit") -> int:
    return http.get(path, headers={"X-API-Key": key}).status_code


def test_admin_key_is_accepted_and_stored_as_a_digest(key_service: TestClient, run: Run, committing: Database) -> None:
    name, key = name_and_key(run("make", "admin"))
    assert status(key_service, key) == 200
    with committing.engine.connect() as connection:
        [(kept,)] = connection.execute(text("SELECT api_keys::text FROM api_keys")).all()
    assert name in kept
    assert digest_of(key).hex() in kept
    assert key not in kept


def test_client_key_sees_only_its_client(key_service: TestClient, run: Run, committing_client: TestClient) -> None:
    client_id = Factory(committing_client).customer()["id_key"]
    _, key = name_and_key(run("make", "client", client_id))
    assert status(key_service, key) == 403
    assert [client["id_key"] for client in key_service.get("/clients", headers={"X-API-Key": key}).json()] == [
        client_id
    ]


def test_list_shows_no_secrets(key_service: TestClient, run: Run, committing_client: TestClient) -> None:
    heads = ["name", "role", "client", "created", "last used", "expires", "revoked", "scopes"]
    assert re.split(r" {2,}", run("list").strip()) == heads
    client_id = Factory(committing_client).customer()["id_key"]
    (admin, key), (other, other_key) = (
        name_and_key(run("make", "admin")),
        name_and_key(run("make", "client", client_id, "--scope", "read", "--scope", "reviews:write")),
    )
    status(key_service, key)
    run("revoke", other)
    output = run("list")
    first, second = (re.split(r" {2,}", line.strip()) for line in output.splitlines()[1:])
    moment = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").fullmatch
    assert first[:3] == [admin, "admin", "-"]
    assert second[:3] == [other, "client", str(client_id)]
    assert [bool(moment(value)) for value in first[3:]] == [True, True, False, False, False]
    assert [bool(moment(value)) for value in second[3:]] == [True, False, False, True, False]
    assert second[-1] == "read,reviews:write"
    assert not any(word in output for word in (key, other_key, digest_of(key).hex()))


def test_programs_read_json(key_service: TestClient, run: Run) -> None:
    made = json.loads(run("make", "admin", "--description", "sync", "--json"))
    assert status(key_service, made["key"]) == 200
    [listed] = json.loads(run("list", "--json"))
    assert listed["name"] == made["name"]
    assert listed["description"] == "sync"
    assert "key" not in listed
    successor = json.loads(run("rotate", made["name"], "--json"))
    assert json.loads(run("revoke", successor["name"], "--json"))["name"] == successor["name"]
    assert status(key_service, successor["key"]) == 401


def test_revoked_key_is_refused(key_service: TestClient, run: Run) -> None:
    name, key = name_and_key(run("make", "admin"))
    assert run("revoke", name) == f"{name} is refused from now on, by running workers within 5 seconds\n"
    assert status(key_service, key) == 401
    with pytest.raises(SystemExit, match=f"^No valid key is named {name}$"):
        run("revoke", name)


def test_rotated_key_overlaps_with_its_successor(
    key_service: TestClient, run: Run, committing: Database, settings: Settings
) -> None:
    name, key = name_and_key(run("make", "admin", "--description", "sync", "--network", "203.0.113.0/24"))
    shown, _, ended = run("rotate", name, "--overlap", 0).rpartition("\n" + name)
    successor, new_key = name_and_key(f"{shown}\n")
    assert ended == " is refused in 0 seconds, or when it expires\n"
    with committing.engine.connect() as connection:
        rows = connection.execute(text("SELECT name, description, networks FROM api_keys ORDER BY id_key")).fetchall()
        principals = connection.scalars(text("SELECT principal FROM audit ORDER BY id_key")).all()
    assert [tuple(row) for row in rows] == [(one, "sync", ["203.0.113.0/24"]) for one in (name, successor)]
    assert principals == []
    with service(settings, auth_mode="api_key") as http:
        statuses = [
            http.get("/audit", headers={"X-API-Key": one, "X-Forwarded-For": "203.0.113.9"}).status_code
            for one in (key, new_key)
        ]
    assert statuses == [401, 200]
    with pytest.raises(SystemExit, match=r"^API key \d+ is already replaced by \d+$"):
        run("rotate", name)


def test_changes_by_the_script_are_in_the_audit_log(
    key_service: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH_MODE", "api_key")
    _, key = name_and_key(run("make", "admin"))
    other, _ = name_and_key(run("make", "admin"))
    run("rotate", other)
    run("revoke", other)
    headers = {"X-API-Key": key}
    entries = key_service.get("/audit", headers=headers).json()
    assert {entry["principal"] for entry in entries} == {"script:api_key"}
    one = f"/api_keys/{key_service.get(f'/api_keys?revoked=true&name={other}', headers=headers).json()[0]['id_key']}"
    assert [f"{entry['method']} {entry['path']}" for entry in entries] == [
        "POST /api_keys",
        "POST /api_keys",
        f"POST {one}/rotate",
        f"DELETE {one}",
    ]


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["make", "client"], "role is admin, or client with the client that it is for"),
        (["make", "admin", 5], "role is admin, or client with the client that it is for"),
        (["make", "client", 999], "Client with id 999 not found"),
        (["make", "client", 2**63], "Client with id 9223372036854775808 not found"),
        (["make", "--", "client", -1], "Client with id -1 not found"),
        (["make", "admin", "--expires", "2026-01-01"], "expires_at must be in the future"),
        (["make", "admin", "--network", "10.0.0.1/8"], NO_NETWORK),
        (["rotate", "nobody"], "No valid key is named nobody"),
        (["revoke", "nobody"], "No valid key is named nobody"),
        (["revoke", "' OR true --"], "No valid key is named ' OR true --"),
    ],
)
def test_impossible_request_prints_one_line(
    committing_client: TestClient, run: Run, arguments: list[object], output: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == output
    assert len(run("list").splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["make"], "Missing argument 'role'"),
        (["make", "anonymous"], "'anonymous' is not one of 'admin'"),
        (["make", "client", "ada"], "Invalid value for 'client'"),
        (["revoke"], "Missing argument 'name'"),
        (["remove"], "No such command 'remove'"),
    ],
)
def test_wrong_arguments_are_reported(capsys: pytest.CaptureFixture[str], arguments: list[str], output: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        shop(["api-key", *arguments])
    assert stopped.value.code == 2
    assert output in capsys.readouterr().err


def test_key_can_be_created_before_the_first_start(
    settings: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_database(settings, "never_used") as (empty, _):
        monkeypatch.setenv("POSTGRES_DB", empty.postgres_db)
        name, _ = name_and_key(run("make", "admin"))
        assert name in run("list")


def test_script_fails_with_one_line_if_the_database_is_down(settings: Settings, tmp_path: Path) -> None:
    environment = os.environ | {"POSTGRES_PORT": str(free_port()), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts.api_key", "list"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    place, problem = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert place.startswith("Database: ")
    assert problem.startswith("The database cannot be used: ")
