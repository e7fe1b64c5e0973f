"""Installation by `make`: each command installs only its own set, once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT

STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in
  *"--without-pip"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"install --quiet"*pip==*) cp "$0" .venv/bin/pip ;;
  *"install "*"-r "*) [ -z "${FAILS-}" ] || exit 1; echo "Collecting fastapi==1 (from -r requirements.txt (line 1))" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the files that `make` needs, and Python programs that only note their arguments."""
    (tmp_path / "scripts").mkdir()
    for name in ("Makefile", "scripts/install.sh", *(file.name for file in ROOT.glob("requirements*.txt"))):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "host").mkdir()
    (tmp_path / "host/python3").write_text(STUB)
    (tmp_path / "host/python3").chmod(0o755)
    return tmp_path


def make(checkout: Path, target: str, **environment: str) -> tuple[int, list[str], str]:
    """Run `make` and return its exit code, the files that were installed, and its output."""
    calls = checkout / "calls"
    calls.write_text("")
    path = f"{checkout / 'host'}:/usr/bin:/bin"
    done = subprocess.run(
        ["make", target, f"PYTHON={checkout / 'host/python3'}"],
        cwd=checkout,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), "CALLS": str(calls)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = calls.read_text().splitlines()
    return done.returncode, [line.rpartition(" ")[2] for line in lines if " -r " in line], done.stdout


def test_each_command_installs_its_set_once(checkout: Path) -> None:
    assert make(checkout, "run")[:2] == (0, ["requirements-run.txt"])
    for target in ("run", "audit", "migrate", "api-keys", "run-production"):
        assert make(checkout, target)[:2] == (0, [])
    assert make(checkout, "demo")[:2] == (0, ["requirements-demo.txt"])
    assert make(checkout, "test")[:2] == (0, ["requirements-dev.txt"])
    assert make(checkout, "fuzz")[:2] == (0, [])


def test_the_tools_contain_the_other_sets(checkout: Path) -> None:
    assert make(checkout, "test")[:2] == (0, ["requirements-dev.txt"])
    for target in ("run", "demo"):
        assert make(checkout, target)[:2] == (0, [])


def test_a_changed_tool_does_not_concern_the_service(checkout: Path) -> None:
    make(checkout, "test")
    later = (checkout / ".venv/.dev").stat().st_mtime + 10
    os.utime(checkout / "requirements-dev.txt", (later, later))
    assert make(checkout, "run")[:2] == (0, [])
    assert make(checkout, "test")[:2] == (0, ["requirements-dev.txt"])


def test_progress_is_printed(checkout: Path) -> None:
    _, _, output = make(checkout, "run")
    assert output.splitlines()[:2] == [
        "Installing requirements-run.txt into .venv (only when it has changed) ...",
        "  fastapi==1",
    ]


def test_a_failed_installation_stops_the_command_and_is_repeated(checkout: Path) -> None:
    assert make(checkout, "run", FAILS="yes")[0] != 0
    assert make(checkout, "run")[:2] == (0, ["requirements-run.txt"])


def test_uv_is_used_where_it_is_available(checkout: Path) -> None:
    uv = checkout / "host/uv"
    uv.write_text(STUB.replace("--without-pip", "venv --quiet"))
    uv.chmod(0o755)
    assert make(checkout, "run")[:2] == (0, ["requirements-run.txt"])
    calls = (checkout / "calls").read_text()
    assert "uv pip install --python .venv/bin/python -r requirements-run.txt" in calls
    assert "-m pip" not in calls
