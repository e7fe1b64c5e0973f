"""Machine and versions of a measurement: its figures mean nothing without them."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.common import wrk
from infrastructure.embedded.binaries import postgres_folder, valkey_program

PACKAGES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "pydantic",
    "sqlalchemy",
    "psycopg2-binary",
    "psycopg",
    "redis",
)


def conditions(command: str, options: object) -> dict[str, str]:
    return {
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "command": f"{options} {command}",
        "machine": f"{os.cpu_count()} cores, {_cpu()}, {_memory_gigabytes():.0f} GB, {platform.platform(terse=True)}",
        "versions": ", ".join(f"{name} {number}" for name, number in _versions().items()),
    }


def _versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "PostgreSQL": _told([str(postgres_folder() / "postgres"), "--version"], -1),
        "Valkey": _told([str(valkey_program()), "--version"], 2).removeprefix("v="),
        "wrk": wrk.version(),
    }


def _told(command: list[str], word: int) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[word]


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
