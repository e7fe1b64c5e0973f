"""Documents that must agree with the code."""

import json
from pathlib import Path

import pytest

from config.root_path import RESOURCES
from scripts.er_diagram import FILE, er_diagram

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_readme_lists_every_resource() -> None:
    table = README.partition("## Endpoints")[2].partition("\n## ")[0]
    assert [name for name in RESOURCES.split() if f"`/{name}`" not in table] == []


def test_development_container_has_the_declared_python() -> None:
    image = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())["image"]
    assert f"python:{(ROOT / '.python-version').read_text().strip()}-" in image


def test_diagram_of_the_tables_matches_the_models() -> None:
    assert FILE.read_text("utf-8") == er_diagram(), "run `make er`"


@pytest.mark.parametrize(
    "relation",
    [
        "    clients ||--o{ orders : client_id",
        "    clients |o--o{ reviews : client_id",  # may be null
        "    orders ||--o| shipping_addresses : order_id",  # the primary key
        "    returns ||--o| credit_notes : return_id",  # unique
        "    returns ||--o{ return_lines : return_id",  # a part of the primary key
    ],
)
def test_relations_tell_how_many_rows_there_can_be(relation: str) -> None:
    assert relation in er_diagram().splitlines()
