"""Settings of the fuzzer, schemathesis.toml, against the description of the service."""

import tomllib
from pathlib import Path

from fastapi import FastAPI

SETTINGS = tomllib.loads((Path(__file__).parents[2] / "schemathesis.toml").read_text("utf-8"))


def test_sections_name_operations_that_exist(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    known = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
    for section in SETTINGS["operations"]:
        given = section.get("include-name", [])
        assert set([given] if isinstance(given, str) else given) <= known


def test_sections_have_one_filter() -> None:
    """Schemathesis applies a section to every operation that meets any of its filters."""
    filters = [[key for key in section if key.startswith("include-")] for section in SETTINGS["operations"]]
    assert [each for each in filters if len(each) != 1] == []
