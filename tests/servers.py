"""Real servers that tests can kill, freeze and restart, and the application as a separate process."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fastapi import FastAPI
from sqlalchemy import URL
from uvicorn import Server as UvicornServer

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.process import EmbeddedServer, command_line
from infrastructure.embedded.servers import SUPERUSER, PostgresServer, ValkeyServer
from infrastructure.postgres.roles import OWNER, SERVICE, Role
from infrastructure.server.launcher import server_config

ROOT = Path(__file__).parent.parent
PASSWORD = "a password for tests"
VALKEY_PASSWORD = PASSWORD.replace(" ", "-")
ROLES = Role(OWNER, f"{PASSWORD} of the owner"), Role(SERVICE, f"{PASSWORD} of the service")
# Only on request, in tests only (`tests.database.as_owner`): the service has no rights of the owner by itself.
BECOMES_OWNER = f"ALTER ROLE {SERVICE} NOINHERIT; GRANT {OWNER} TO {SERVICE}"

Server = TypeVar("Server", bound=EmbeddedServer)
T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Return the first true result of `condition`; fail after `seconds`. An OSError counts as not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError):
            if result := condition():
                return result
        time.sleep(0.02)
    raise AssertionError(f"not met within {seconds} seconds")


@contextmanager
def postgres_server(folder: Path, port: int | None = None) -> Iterator[PostgresServer]:
    server = PostgresServer(folder, port or free_port(), PASSWORD, fast=True)
    with _running(server):
        server.create_database("ecommerce_db")
        server.prepare_database("ecommerce_db", *ROLES)
        with closing(server.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(BECOMES_OWNER)
        yield server


@contextmanager
def valkey_server(folder: Path, port: int | None = None) -> Iterator[ValkeyServer]:
    server = ValkeyServer(folder, port or free_port(), VALKEY_PASSWORD, fast=True)
    with _running(server):
        yield server


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        if _is_running(server):
            thaw(server)
        server.stop()


def kill(server: EmbeddedServer) -> None:
    """Kill the server as a power failure would; `server.start()` restarts it on the same port with the same data."""
    processes = _freeze_all(server)
    for pid in processes:
        _signal(pid, signal.SIGKILL)
    if server.process:
        server.process.wait()
    until(lambda: not any(command_line(pid) for pid in processes))


def freeze(server: EmbeddedServer) -> None:
    """Stop the server until `thaw`; its connections stay open, and the kernel still accepts new ones."""
    _freeze_all(server)


def thaw(server: EmbeddedServer) -> None:
    for pid in _processes(server):
        _signal(pid, signal.SIGCONT)


def restore(server: EmbeddedServer) -> None:
    """Undo `kill` or `freeze`."""
    if _is_running(server):
        thaw(server)
    else:
        server.start()


def address(server: EmbeddedServer) -> dict[str, str]:
    """Return the environment variables that connect the application to this server, with its two roles."""
    name = "POSTGRES" if isinstance(server, PostgresServer) else "REDIS"
    values = {f"{name}_HOST": LOOPBACK, f"{name}_PORT": str(server.port), f"{name}_PASSWORD": server.password}
    if name == "REDIS":
        return values
    owner, service = ROLES
    values |= {"POSTGRES_DB": "ecommerce_db", "POSTGRES_USER": service.name, "POSTGRES_PASSWORD": service.password}
    return values | {"POSTGRES_OWNER": owner.name, "POSTGRES_OWNER_PASSWORD": owner.password}


def superuser_url(settings: Settings) -> URL:
    """Return the URL of the settings' database as superuser, for what neither of the service's roles may do."""
    return settings.sqlalchemy_url().set(username=SUPERUSER, password=PASSWORD)


def environment_without_settings() -> dict[str, str]:
    """Return this process's environment without the settings of the application."""
    names = {"PORT", "WEB_CONCURRENCY", *(name.upper() for name in Settings.model_fields)}
    return {name: value for name, value in os.environ.items() if name not in names}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_running(server: EmbeddedServer) -> bool:
    return server.process is not None and server.process.poll() is None


def _processes(server: EmbeddedServer) -> list[int]:
    """Return the server and its children: PostgreSQL forks a process for each connection, in its own session."""
    assert server.process, "the server does not run"
    return [server.process.pid, *children(server.process.pid)]


def _freeze_all(server: EmbeddedServer) -> list[int]:
    assert server.process, "the server does not run"
    _signal(server.process.pid, signal.SIGSTOP)  # first, so that it stops forking
    processes = _processes(server)
    for pid in processes:
        _signal(pid, signal.SIGSTOP)
    return processes


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@dataclass
class App:
    """The application as an operator starts it."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def origin(self) -> int | None:
        """Return the process that workers are copied from, while there is one."""
        return next((pid for pid in children(self.process.pid) if b"forkserver" in command_line(pid)), None)

    def workers(self) -> list[int]:
        """Return the copies, or in a folder with a long path the processes of their own."""
        spawned = [pid for pid in children(self.process.pid) if b"spawn_main" in command_line(pid)]
        origin = self.origin()
        return spawned + (children(origin) if origin else [])

    def processes(self) -> list[int]:
        """Return the parent and all that it has started, directly or not, except connections of PostgreSQL."""
        return [self.process.pid, *children(self.process.pid), *self.workers()]

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def running_app(
    folder: Path,
    environment: dict[str, str],
    script: Path = ROOT / "run_production.py",
    console: int | None = None,
) -> Iterator[App]:
    """Run `script` in `folder` with only the settings of `environment`; yield after its first response.

    `console` is a file descriptor for its output, which otherwise goes to `App.log`.
    """
    port = free_port()
    defaults = {"API_PORT": str(port), "UVICORN_WORKERS": "2", "RATE_LIMIT_ENABLED": "false", "TMPDIR": str(folder)}
    log = folder / "output.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=folder,
            env=environment_without_settings() | defaults | environment,
            stdin=subprocess.DEVNULL,
            stdout=console or output,
            stderr=subprocess.STDOUT,
        )
    app = App(process, f"http://{LOOPBACK}:{port}", log)
    try:
        until(lambda: process.poll() is not None or is_live(app), 120)
        assert process.poll() is None, log.read_text()
        yield app
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_live(app: App) -> bool:
    with urllib.request.urlopen(f"{app.url}/health_check/live", timeout=5) as response:
        return bool(response.status == 200)


@contextmanager
def served_in_thread(app: FastAPI) -> Iterator[int]:
    """Serve the application with the configuration of the launchers, and yield its port."""
    settings = app.state.app_context.settings
    config = server_config(settings)
    config.app = app
    config.settings = None  # the application has its own; this process must not inherit them
    server = UvicornServer(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield settings.api_port
    finally:  # else a failed test leaves the thread, and the process never ends
        server.should_exit = True
        thread.join()
