"""Entity generator: its result passes the linter, migrates, and passes the tests of every entity."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings
from scripts.entity.registration import CHANGES, register
from scripts.entity.specification import SpecificationError, parse, plural
from scripts.entity.tree import Tree
from tests.migrations.test_migrations import new_database
from tests.servers import ROOT, environment_without_settings

COPIED = ("config", "controllers", "migrations", "models", "repositories", "schemas", "services", "tests")
LINKED = ("examples", "infrastructure", "main.py", "middleware", "pyproject.toml", "scripts", "static")
FIELDS = (
    "code:Name!,alias:Name?,terms:Text,note:Text?,price:Price,fee:Money?,units:Quantity,remaining:Stock?,"
    "opened_at:Moment,closed_at:Moment?,day:Day?,product:Product,category:Category"
)

# Calls the tests of every entity for the new one. They expect an empty list at their beginning.
DRIVE = """
import inspect
from fastapi.testclient import TestClient
from main import create_fastapi_app
from tests.controllers import test_crud
from tests.entities import ENTITIES
from tests.factories import Factory
from tests.services.events import test_events

entity, called = ENTITIES[-1], 0
tests = [one for one in vars(test_crud).values() if getattr(one, "pytestmark", None)]
tests.append(test_events.test_every_change_of_an_object_has_an_event_with_its_body)
with TestClient(create_fastapi_app()) as client:
    make = Factory(client)
    assert make.special_box()["code"]
    for test in tests:
        for one in client.get(entity.path).json():
            client.delete(f"{entity.path}/{one['id_key']}")
        if set(inspect.signature(test).parameters) <= {"client", "make", "entity"}:
            test(**{name: globals()[name] for name in inspect.signature(test).parameters})
            called += 1
print(entity.name, called)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the source tree. Folders that the generator leaves alone are links."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("pyproject.toml", "README.md", "docs/ER.md", "deploy/kubernetes/ingress.yaml"):
        file = tmp_path / name
        file.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, file)
    return tmp_path


def run(tree: Path, settings: Settings, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "POSTGRES_HOST": str(settings.postgres_host),
        "POSTGRES_PORT": str(settings.postgres_port),
        "POSTGRES_DB": settings.postgres_db,
        "POSTGRES_USER": settings.postgres_user,
        "POSTGRES_PASSWORD": settings.postgres_password.get_secret_value(),
        "POSTGRES_OWNER": str(settings.postgres_owner),
        "POSTGRES_OWNER_PASSWORD": settings.postgres_owner_password.get_secret_value(),
        "REDIS_ENABLED": "false",
        "RATE_LIMIT_ENABLED": "false",
        "LOG_TO_FILE": "false",
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env=environment_without_settings() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def contents(tree: Path) -> dict[Path, bytes]:
    """Return the files that the generator may write."""
    names = (*COPIED, "README.md", "deploy", "docs", "pyproject.toml")
    files = (file for name in names for file in (tree / name, *(tree / name).rglob("*")))
    return {file: file.read_bytes() for file in files if file.is_file() and file.suffix != ".pyc"}


def test_a_generated_entity_passes_the_tests_of_every_entity(settings: Settings, tree: Path) -> None:
    before = contents(tree)
    with new_database(settings, "generated") as (own, _):
        done = run(tree, own, "-m", "scripts.entity", "special_box", FIELDS)
        assert done.returncode == 0, done.stdout + done.stderr
        after = contents(tree)
        changed = sorted(str(file.relative_to(tree)) for file in after if after[file] != before.get(file))
        assert len(changed) == len(CHANGES) + 7
        assert set(changed) <= set(done.stdout.split())
        python = [name for name in changed if name.endswith(".py")]
        checked = run(tree, own, "-m", "ruff", "check", *python)
        assert checked.returncode == 0, checked.stdout
        migrated = run(tree, own, "-m", "migrations.runner")
        assert migrated.returncode == 0, migrated.stderr
        driven = run(tree, own, "-c", DRIVE)
        assert driven.returncode == 0, driven.stdout + driven.stderr
        name, called = driven.stdout.split()[-2:]
        assert (name, int(called) > 15) == ("SpecialBox", True)


def test_without_a_database_nothing_is_changed(settings: Settings, tree: Path) -> None:
    before = contents(tree)
    away = settings.model_copy(update={"postgres_db": "nosuch"})
    done = run(tree, away, "-m", "scripts.entity", "supplier", "name:Name")
    assert done.returncode == 1
    assert done.stderr.endswith("The migration cannot be written, so nothing has been changed.\n")
    assert contents(tree) == before


@pytest.mark.parametrize(
    ("name", "fields", "problem"),
    [
        ("Supplier", "name:Name", "name=Supplier: must be a singular in snake case, such as purchase_order"),
        ("class", "name:Name", "name=class: must be a singular in snake case"),
        ("product", "name:Name", r"name=product: models/product\.py exists already"),
        ("payment", "name:Name", r"name=payment: models/payments/payment\.py exists already"),
        ("supplier", "", "fields: at least one must be no reference"),
        ("supplier", "product:Product", "fields: at least one must be no reference"),
        ("supplier", "name", "name: must be name:Type, with [?] behind"),
        ("supplier", "name:Name,name:Text", "fields: name is there more than once"),
        ("supplier", "name:Name!,code:Name!", "fields: at most one can be unique"),
        ("supplier", "text:Text!", "text:Text!: only a Name can be unique"),
        ("supplier", "Name:Name", "Name:Name: the name of a field has small letters"),
        ("supplier", "id_key:Name", "id_key:Name: the name is taken by every entity"),
        ("supplier", "copy:Name", "copy:Name: the name is taken by every entity"),
        ("supplier", "user:Name", "user:Name: the name is a word of SQL"),
        ("supplier", "shop_id:Stock", "names that end with _id are references"),
        ("supplier", "name:String", "name:String: the types are Name, Text, Price"),
        ("supplier", "name:Name,client:Client", "client:Client: .* personal data.*'Add rows of clients' in docs/A"),
        ("supplier", "name:Name,client_id:Client", "client_id:Client: .* personal data"),
        ("supplier", "name:Name,product:Product?", r"product:Product\?: a reference is product:Product, and required"),
        ("supplier", "name:Name,thing:Product", "thing:Product: a reference is product:Product"),
    ],
)
def test_an_impossible_entity_is_refused(name: str, fields: str, problem: str) -> None:
    with pytest.raises(SpecificationError, match=problem):
        parse(name, fields, ROOT)


def test_a_registry_without_the_expected_place_is_named(tree: Path) -> None:
    (tree / "models/__init__.py").write_text("")
    with pytest.raises(SpecificationError, match=r"^models/__init__\.py: no 'from models\.address import' in it$"):
        register(Tree(tree), parse("supplier", "name:Name", tree))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("supplier", "suppliers"), ("box", "boxes"), ("day", "days"), ("company", "companies"), ("wish", "wishes")],
)
def test_plurals(name: str, expected: str) -> None:
    assert plural(name) == expected
