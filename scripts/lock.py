"""Lock files: exact versions and hashes of all packages, with those that they depend on.

`python scripts/lock.py` (`make lock`) writes them with uv; its options may follow, such as `--upgrade`. With `--check`
and names of locks, or none for all, the script only compares locks with their inputs. That needs no package and no
network, because it comes before installations.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "locks"
INPUTS = {
    "dev": "requirements-dev.txt",
    "demo": "requirements-demo.txt",
    "run": "requirements-run.txt",
    "service": "requirements.txt",
    "tools": "deploy/requirements.txt",
    "docs": "requirements-docs.txt",
    "peers": "benchmarks/peers/requirements.txt",
    "pip": "scripts/pip.txt",
    "uv": "scripts/uv.txt",
}
PART_OF_DEV = ("demo", "run", "service")
"""Locks with the same versions as `dev`."""
UV = ("pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--generate-hashes", "--no-header")
CONSTRAINTS = FOLDER / "constraints.txt"


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--check"]:
        if stale := [f"locks/{name}.lock" for name in arguments[1:] or INPUTS if not is_current(name)]:
            sys.exit(f"Older than the requirements: {', '.join(stale)}. Run `make lock`.")
        return
    for name in INPUTS:
        write(name, arguments)


def write(name: str, options: list[str]) -> None:
    """Resolve the input. Versions in the present lock stay, unless the options say otherwise."""
    lock = FOLDER / f"{name}.lock"
    constraints = [CONSTRAINTS, FOLDER / "dev.lock"] if name in PART_OF_DEV else [CONSTRAINTS]
    given = [f"--constraint={file.relative_to(ROOT)}" for file in constraints]
    command = ["uv", *UV, *given, f"--output-file={lock.relative_to(ROOT)}", *options, INPUTS[name]]
    before, times = (lock.read_text(encoding="utf-8"), lock.stat()) if lock.exists() else ("", None)
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 # uv from PATH; the options are the developer's
    after = header(name) + lock.read_text(encoding="utf-8")
    lock.write_text(after, encoding="utf-8")
    if times and after == before:
        os.utime(lock, (times.st_atime, times.st_mtime))  # `make` has nothing to install


def is_current(name: str) -> bool:
    lock = FOLDER / f"{name}.lock"
    return lock.exists() and lock.read_text(encoding="utf-8").startswith(header(name))


def header(name: str) -> str:
    lines = [*requirements(ROOT / INPUTS[name]), *requirements(CONSTRAINTS)]
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    return f"# Made by `make lock` from {INPUTS[name]}, with the digest of its requirements:\n# {digest}\n"


def requirements(file: Path) -> Iterator[str]:
    """Yield the requirements of a file and of those that it includes, without comments."""
    for line in file.read_text(encoding="utf-8").splitlines():
        requirement = re.sub(r"(^|\s)#.*", "", line).strip()
        if requirement.startswith("-r "):
            yield from requirements(file.parent / requirement[3:])
        elif requirement:
            yield requirement


if __name__ == "__main__":
    main(sys.argv[1:])
