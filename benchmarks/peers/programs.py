"""Installation of the peers on first use, and their start commands."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from benchmarks.common import debian
from benchmarks.common.programs import Program, uvicorn
from benchmarks.common.servers import DATA, ROOT
from infrastructure.embedded.ports import LOOPBACK

FOLDER = Path(__file__).parent
REQUIREMENTS = FOLDER / "requirements.txt"
LOCK = ROOT / "locks" / "peers.lock"
ENVIRONMENT = DATA / "bench-venv"
PYTHON = str(ENVIRONMENT / "bin" / "python")
GO_SOURCES = FOLDER / "gin"
GO_PROGRAM = DATA / "bench-gin"
GO_LIBRARIES = {
    "gin": "golang-github-gin-gonic-gin-dev",
    "pgx": "golang-github-jackc-pgx-v4-dev",
    "redigo": "golang-github-gomodule-redigo-dev",
}
"""Debian packages of the libraries. They contain the sources, so no module proxy is needed."""


def install_python_peers() -> None:
    """Install the Python peers into their own environment; repeat it when their versions change."""
    done = ENVIRONMENT / LOCK.name
    if done.exists() and done.read_text() == LOCK.read_text():
        return
    print("installing the Python peers ...", flush=True)
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
    shutil.copy(LOCK, done)


def install_fastify() -> None:
    if not shutil.which("npm"):
        sys.exit("Node and npm are needed for Fastify: https://nodejs.org (version 20 or newer).")
    done, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return
    print("installing Fastify ...", flush=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=FOLDER, check=True)


def build_go_peer() -> None:
    packages = ("golang-go", *GO_LIBRARIES.values())
    if not all(map(_installed_version, packages)):
        debian.install(*packages)
    if not all(map(_installed_version, packages)):
        sys.exit(f"Go and its libraries are needed: apt install {' '.join(packages)}")
    built = GO_PROGRAM.stat().st_mtime if GO_PROGRAM.exists() else 0
    if all(source.stat().st_mtime < built for source in GO_SOURCES.iterdir()):
        return
    print("building the Go peer ...", flush=True)
    DATA.mkdir(mode=0o700, exist_ok=True)
    options = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", str(GO_PROGRAM), "."], cwd=GO_SOURCES, env=os.environ | options, check=True)


def gin(name: str, servers: Mapping[str, str], workers: int, **environment: str) -> Program:
    return Program(name, [str(GO_PROGRAM)], {**servers, **environment, "GOMAXPROCS": str(workers)}, workers)


def drf(servers: Mapping[str, str], workers: int) -> Program:
    """Return Django REST framework under gunicorn with 4 threads; its documentation advises 2 to 4 for each core."""
    options = f"--bind {LOOPBACK}:{{port}} --workers {workers} --worker-class gthread --threads 4 --keep-alive 60"
    command = [PYTHON, "-m", "gunicorn", "benchmarks.peers.drf:application", *options.split()]
    command += ["--log-level", "warning", "--chdir", str(ROOT), "--backlog", "2048"]
    return Program("Django REST framework", command, servers, workers)


def fastcrud(servers: Mapping[str, str], workers: int) -> Program:
    return uvicorn("FastCRUD on FastAPI", "benchmarks.peers.fastcrud_app:app", servers, workers, PYTHON)


def litestar(servers: Mapping[str, str], workers: int) -> Program:
    return uvicorn("Litestar, advanced-alchemy", "benchmarks.peers.litestar_app:app", servers, workers, PYTHON)


def fastify(name: str, servers: Mapping[str, str], workers: int, **environment: str) -> Program:
    variables = {**servers, **environment, "NODE_ENV": "production"}
    return Program(name, ["node", str(FOLDER / "fastify.js")], variables, workers)


def versions() -> dict[str, str]:
    """Return the versions of the peers, of Node and of Go for the report."""
    pinned = (line.partition("==") for line in REQUIREMENTS.read_text().splitlines() if "==" in line)
    libraries = ", ".join(f"{name} {_installed_version(package)}" for name, package in GO_LIBRARIES.items())
    return {
        "peers": ", ".join(f"{name} {number}" for name, _, number in pinned),
        "Node": _output("node", "--version"),
        "Go": f"{_output('go', 'version')}, {libraries}",
    }


def _installed_version(package: str) -> str:
    """Return the version of a Debian package, empty if it is not installed."""
    return _output("dpkg-query", "--show", "--showformat=${Version}", package)


def _output(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
