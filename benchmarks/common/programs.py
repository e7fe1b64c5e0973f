"""Programs under measurement: start, wait until ready, read memory and CPU time, stop."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.common.processes import descendants, resident_bytes
from benchmarks.common.servers import ROOT, without_settings
from infrastructure.embedded.binaries import parent_death_prefix
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.process import command_line
from infrastructure.server.cores import usable_cores

START_SECONDS = 120
SHIPPED = "ours, as shipped"
UNREACHABLE = "1000000000"
"""RATE_LIMIT_CALLS that are counted in Redis, but never reached: the load comes from one address."""


@dataclass(eq=False)
class Program:
    """A server under measurement. `{port}` in its command is replaced; its environment has PORT and WORKERS.

    If it `replaces_workers` after a number of requests, it starts anew after each run.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: int = 2
    path: str = "/products?skip=0&limit=10"
    replaces_workers: bool = False
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    log: Path = Path()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self, folder: Path) -> None:
        command = [part.replace("{port}", str(self.port)) for part in self.command]
        own = {"PORT": str(self.port), "API_PORT": str(self.port), "WORKERS": str(self.workers)}
        self.log = folder / f"{self.port}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*parent_death_prefix(signal.SIGTERM), *command],
                cwd=folder,  # not the repository: a .env there is for another purpose
                env=without_settings(os.environ) | {"PYTHONPATH": str(ROOT)} | own | dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Wait until it responds. After START_SECONDS, or if it exits, end the measurement with its last log lines."""
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                last_words = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
                raise SystemExit(f"{self.name} did not start:\n{last_words}")
            time.sleep(0.1)

    def settle(self) -> None:
        """Start anew if workers would be replaced later, because that would disturb the next run."""
        if self.replaces_workers:
            self.stop()
            self.start(self.log.parent)
            self.wait()

    def stop(self) -> None:
        if self.process is None:
            return
        family = [self.process.pid, *descendants(self.process.pid)]
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self.process.wait()

    def kill(self) -> None:
        """Kill it and its workers at once, as a power failure would."""
        assert self.process
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def worker_processes(self) -> list[int]:
        """Return the processes that serve requests: those without children, but not Python's resource tracker."""
        assert self.process
        last = [pid for pid in descendants(self.process.pid) if not descendants(pid)]
        return [pid for pid in last if b"resource_tracker" not in command_line(pid)] or [self.process.pid]

    def megabytes_a_worker(self) -> float:
        workers = self.worker_processes()
        return sum(resident_bytes(pid) for pid in workers) / len(workers) / 1e6

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self.path, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


@contextmanager
def running(programs: Sequence[Program], folder: Path) -> Iterator[None]:
    """Run all programs at once, so that rounds can alternate. An idle program costs next to nothing."""
    with ExitStack() as stack:
        for program in programs:
            stack.callback(program.stop)
            program.start(folder)
        for program in programs:
            print(f"waiting for {program.name} ...", flush=True)
            program.wait()
        yield


def ours(name: str, servers: Mapping[str, str], workers: int, **settings: str) -> Program:
    """Return the service in production mode, tuned for measurements.

    No rate limit, no bound on connections, no replacement of workers, no log files.
    """
    defaults = {
        "UVICORN_WORKERS": str(workers),
        "LIMIT_CONCURRENCY": "100000",
        "LIMIT_MAX_REQUESTS": "0",
        "LOG_TO_FILE": "false",
        "LOG_LEVEL": "WARNING",
        "RATE_LIMIT_ENABLED": "false",
    }
    return _launched(name, {**servers, **defaults, **settings}, workers)


def shipped(servers: Mapping[str, str], name: str = SHIPPED, **settings: str) -> Program:
    """Return the service as `make run-production` starts it, with the servers' addresses and RATE_LIMIT_CALLS only.

    `settings` are those that a benchmark compares.
    """
    program = _launched(name, {**servers, "RATE_LIMIT_CALLS": UNREACHABLE, **settings}, usable_cores())
    program.replaces_workers = True
    return program


def _launched(name: str, environment: Mapping[str, str], workers: int) -> Program:
    return Program(name, [sys.executable, str(ROOT / "run_production.py")], environment, workers, "/health_check/ready")


def uvicorn(name: str, app: str, environment: Mapping[str, str], workers: int, python: str = sys.executable) -> Program:
    """Return an ASGI application on the same HTTP server as the service."""
    options = f"--host {LOOPBACK} --port {{port}} --workers {workers} --loop uvloop --http httptools"
    quiet = "--no-access-log --log-level warning --no-proxy-headers --backlog 2048"
    return Program(name, [python, "-m", "uvicorn", app, *options.split(), *quiet.split()], environment, workers)
