"""Documents that must agree with the code."""

import json
from pathlib import Path

from config.root_path import RESOURCES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_readme_lists_every_resource() -> None:
    table = README.partition("## Endpoints")[2].partition("\n## ")[0]
    assert [name for name in RESOURCES.split() if f"`/{name}`" not in table] == []


def test_development_container_has_the_declared_python() -> None:
    image = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())["image"]
    assert f"python:{(ROOT / '.python-version').read_text().strip()}-" in image
