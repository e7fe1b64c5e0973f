"""Installation by `make`: each command installs only its own set, once."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import ROOT

STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in
  *"lock.py --check "*) exec "$REAL_PYTHON" "$@" ;;
  *"--without-pip"*) for folder; do :; done; mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python" ;;
  *"config list") echo "${PIP_CONFIG-}" ;;
  *"install "*"-r locks/pip.lock") cp "$0" .venv/bin/pip ;;
  *"install "*"-r locks/uv.lock") [ -z "${HAS_UV-}" ] || cp "$0" .venv/bin/uv ;;
  *"install "*"-r "*) [ -z "${FAILS-}" ] || exit 1; echo "Collecting fastapi==1 (from -r locks/run.lock (line 1))" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the files that `make` needs, and Python programs that only note their arguments."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "locks").mkdir()
    for name in ("Makefile", "shop", "scripts/install.sh", "scripts/lock.py", "requirements*.txt", "locks/*"):
        for file in ROOT.glob(name):
            shutil.copy(file, tmp_path / file.relative_to(ROOT))
    (tmp_path / "host").mkdir()
    (tmp_path / "host/python3").write_text(STUB)
    (tmp_path / "host/python3").chmod(0o755)
    return tmp_path


def make(checkout: Path, target: str, **environment: str) -> tuple[int, list[str], str]:
    """Run `make` and return its exit code, the files that were installed, and its output."""
    noted = checkout / "calls"
    noted.write_text("")
    path = f"{checkout / 'host'}:/usr/bin:/bin"
    done = subprocess.run(
        ["make", target, f"PYTHON={checkout / 'host/python3'}"],
        cwd=checkout,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), "CALLS": str(noted), "REAL_PYTHON": sys.executable}
        | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = noted.read_text().splitlines()
    installed = [line.rpartition(" ")[2] for line in lines if " -r " in line]
    installers = ("locks/pip.lock", "locks/uv.lock")
    return done.returncode, [file for file in installed if file not in installers], done.stdout


def test_each_command_installs_its_set_once(checkout: Path) -> None:
    assert make(checkout, "run")[:2] == (0, ["locks/run.lock"])
    for target in ("run", "audit", "migrate", "api-keys", "run-production"):
        assert make(checkout, target)[:2] == (0, [])
    assert make(checkout, "demo")[:2] == (0, ["locks/demo.lock"])
    assert make(checkout, "test")[:2] == (0, ["locks/dev.lock"])
    assert make(checkout, "fuzz")[:2] == (0, [])


def test_the_tools_contain_the_other_sets(checkout: Path) -> None:
    assert make(checkout, "test")[:2] == (0, ["locks/dev.lock"])
    for target in ("run", "demo"):
        assert make(checkout, target)[:2] == (0, [])


def test_a_changed_tool_does_not_concern_the_service(checkout: Path) -> None:
    make(checkout, "test")
    later = (checkout / ".venv/.dev").stat().st_mtime + 10
    os.utime(checkout / "locks/dev.lock", (later, later))
    assert make(checkout, "run")[:2] == (0, [])
    assert make(checkout, "test")[:2] == (0, ["locks/dev.lock"])


def test_progress_is_printed(checkout: Path) -> None:
    _, _, output = make(checkout, "run")
    assert output.splitlines()[:2] == [
        "Installing locks/run.lock into .venv (only when it has changed) ...",
        "  fastapi==1",
    ]


def test_a_failed_installation_stops_the_command_and_is_repeated(checkout: Path) -> None:
    assert make(checkout, "run", FAILS="yes")[0] != 0
    assert make(checkout, "run")[:2] == (0, ["locks/run.lock"])


def calls(checkout: Path) -> str:
    """Return the programs that the last `make` has started."""
    return (checkout / "calls").read_text()


def place_uv(checkout: Path, program: str) -> None:
    (checkout / "host/uv").write_text(program)
    (checkout / "host/uv").chmod(0o755)


BY_UV = "uv pip install --python .venv/bin/python --require-hashes -r locks/pip.lock -r locks/run.lock"


def test_uv_is_used_where_it_is_available(checkout: Path) -> None:
    place_uv(checkout, STUB)
    assert make(checkout, "run")[:2] == (0, ["locks/run.lock"])
    assert BY_UV in calls(checkout)
    assert "-m pip" not in calls(checkout)


def test_uv_is_fetched_once(checkout: Path) -> None:
    assert make(checkout, "run", HAS_UV="yes")[:2] == (0, ["locks/run.lock"])
    assert BY_UV in calls(checkout)
    for target, lock in (("test", "locks/dev.lock"), (".data/docs/venv/.docs", "locks/docs.lock")):
        assert make(checkout, target, HAS_UV="yes")[:2] == (0, [lock])
        assert "locks/uv.lock" not in calls(checkout)


def test_pip_does_the_work_where_uv_fails(checkout: Path) -> None:
    place_uv(checkout, "#!/bin/sh\nexit 1\n")
    assert make(checkout, "run")[:2] == (0, ["locks/run.lock"])


@pytest.mark.parametrize(
    ("configuration", "is_fetched"),
    [
        ("global.index-url='https://mirror.example/simple'", False),
        (":env:.index-url='https://mirror.example/simple'", False),
        ("global.extra-index-url='https://own.example/simple'", True),
    ],
)
def test_another_index_is_left_to_pip(checkout: Path, configuration: str, is_fetched: bool) -> None:
    assert make(checkout, "run", HAS_UV="yes", PIP_CONFIG=configuration)[:2] == (0, ["locks/run.lock"])
    assert (BY_UV in calls(checkout)) == is_fetched


@pytest.mark.parametrize("uv", ["", "yes"])
def test_every_package_is_installed_by_its_hash(checkout: Path, uv: str) -> None:
    make(checkout, "run", HAS_UV=uv)
    installations = [line for line in calls(checkout).splitlines() if " install " in line]
    assert len(installations) >= 2
    assert all("--require-hashes" in line for line in installations)


def test_changed_requirement_needs_a_new_lock(checkout: Path) -> None:
    for name in ("requirements.txt", "locks/constraints.txt"):
        before = (checkout / name).read_text()
        (checkout / name).write_text(f"# a comment changes nothing\n{before}")
        assert make(checkout, "run")[0] == 0
        (checkout / name).write_text(before + "pytest==9.0.0\n")
        later = time.time() + 10
        os.utime(checkout / "requirements.txt", (later, later))
        assert make(checkout, "run")[:2] == (2, [])
        (checkout / name).write_text(before)
        assert make(checkout, "run")[0] == 0
