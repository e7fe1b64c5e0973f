"""Documents that must agree with the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.root_path import RESOURCES
from scripts.documents.er_diagram import FILE, er_diagram

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/*/README.md")])
FOLDERS = {folder.name for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")}
MADE_BY_RECIPES = re.compile("supplier|stock_value|favorite")


def test_readme_lists_every_resource() -> None:
    table = README.partition("## Endpoints")[2].partition("\n## ")[0]
    assert [name for name in RESOURCES.split() if f"`/{name}`" not in table] == []


def test_paths_in_documents_exist() -> None:
    missing = {
        (str(document.relative_to(ROOT)), path)
        for document in DOCUMENTS
        for path, folders in paths_of(document)
        if not (MADE_BY_RECIPES.search(path) or any((folder / path).exists() for folder in folders))
    }
    assert sorted(missing) == []


def paths_of(document: Path) -> Iterator[tuple[str, set[Path]]]:
    """Yield the paths in code spans, with the folders to which they may be relative.

    These are the root, the document's own folder with its tests, and folders that the paragraph or row names before.
    """
    own = document.parent.relative_to(ROOT)
    for paragraph in re.split(r"\n\n|\n\||\n[-*] |\n\d+\. ", document.read_text("utf-8")):
        folders = {ROOT, ROOT / own, ROOT / "tests" / own}
        for code in re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", paragraph):
            first, slash, _ = code.partition("/")
            if (slash and first in FOLDERS) or re.fullmatch(r"\w+\.py", code):
                yield code, folders
                folders = folders | {ROOT / code, (ROOT / code).parent}


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
