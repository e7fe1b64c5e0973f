"""Tests of the launchers with real processes that are stopped, killed and checked for leftovers."""

import http.client
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from uvicorn import Server

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.process import command_line, read_pid
from infrastructure.server.launcher import ROOT, SOURCES, SourceReload, server_config, warn_if_open
from tests.servers import App, is_live, running_app, until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Run one service for all tests that do not stop it."""
    with running_app(tmp_path_factory.mktemp("app"), {"LIMIT_MAX_REQUESTS": "20", "LIMIT_MIN_LIFETIME": "0"}) as app:
        until(lambda: b"Health check" in app.log.read_bytes())
        yield app


def servers(app: App) -> list[int]:
    [postgres] = (app.log.parent / ".data").glob("postgres-*")
    return [read_pid(folder / "server.pid") for folder in (postgres, postgres.parent / "valkey")]


def everything(app: App) -> list[int]:
    return [*app.processes(), *servers(app)]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if command_line(pid)]


def half_a_request(app: App) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/categories")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "20")
    connection.endheaders(b'{"name": "')
    return connection


def test_the_launcher_prints_settings_and_addresses(service: App) -> None:
    said = service.log.read_text()
    password = (service.log.parent / ".data/password").read_text()
    assert password not in said
    assert re.search(r"^  POSTGRES_PASSWORD +\(set\)$", said, re.MULTILINE)
    assert re.search(r"^  UVICORN_WORKERS +2$", said, re.MULTILINE)
    for name, path in (("API", ""), ("Swagger UI", "/docs"), ("Health check", "/health_check")):
        assert re.search(rf"^{name} +{service.url}{path}$", said, re.MULTILINE)


def test_a_killed_worker_is_replaced(service: App) -> None:
    first = service.workers()
    os.kill(first[0], signal.SIGKILL)
    until(lambda: len(service.workers()) == 2 and first[0] not in service.workers())
    until(lambda: is_live(service))


def test_workers_are_recycled_while_requests_are_answered_and_servers_stay(service: App) -> None:
    first, before = set(service.workers()), servers(service)
    until(lambda: is_live(service) and not first & set(service.workers()), 120)
    assert alive(before) == before == servers(service)


def test_no_request_is_lost_to_a_worker_that_is_replaced(service: App) -> None:
    """Use clients that keep their connections open and send the next request after each response."""
    first, is_over = set(service.workers()), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(send_requests_until, service, is_over) for _ in range(4)]
        try:
            until(lambda: not first & set(service.workers()) or any(each.done() for each in asking), 120)
        finally:
            is_over.set()
        answered = [each.result(60) for each in asking]
    assert all(answered)


def send_requests_until(app: App, is_over: threading.Event) -> int:
    """Return the number of requests, all answered. Like usual clients, do not reuse a closed idle connection."""
    answered, connection = 0, http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=60)
    with closing(connection):
        while not is_over.is_set():
            if connection.sock and select.select([connection.sock], [], [], 0)[0]:
                connection.close()
            connection.request("POST", "/categories", body=b"{}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 422
            answered += 1
    return answered


def test_a_stop_finishes_requests_in_progress_and_leaves_no_process(tmp_path: Path) -> None:
    with running_app(tmp_path, {}) as app:
        stop_with_requests_in_flight(app)


def stop_with_requests_in_flight(app: App) -> None:
    pids = everything(app)
    begun = [half_a_request(app) for _ in range(4)]
    app.process.terminate()
    until(lambda: b"Received SIGTERM" in app.log.read_bytes())
    for number, connection in enumerate(begun):
        connection.send(b'number %d"}' % number)
        with connection.getresponse() as response:
            assert response.status == 201
        connection.close()
    assert app.process.wait(30) == 0
    until(lambda: not alive(pids))


def test_no_process_survives_a_killed_parent(tmp_path: Path) -> None:
    with running_app(tmp_path, {}) as app:
        pids = everything(app)
        assert len(app.workers()) == 2
        app.process.kill()
        app.process.wait()
        until(lambda: not alive(pids))


def test_silent_and_slow_clients_do_not_block_others(tmp_path: Path) -> None:
    limits = {"UVICORN_WORKERS": "1", "LIMIT_CONCURRENCY": "5", "TIMEOUT_KEEP_ALIVE": "1"}
    deadlines = {"TIMEOUT_REQUEST_HEADER": "1", "TIMEOUT_REQUEST_BODY": "1"}
    with running_app(tmp_path, limits | deadlines) as app, ExitStack() as open_sockets:
        host, _, port = app.url.removeprefix("http://").partition(":")
        silent = [open_sockets.enter_context(socket.create_connection((host, int(port)), 30)) for _ in range(8)]
        slow = [open_sockets.enter_context(closing(half_a_request(app))) for _ in range(8)]
        until(lambda: is_live(app))
        assert {connection.recv(1) for connection in silent} == {b""}
        assert {status_of(connection) for connection in slow} <= {408, 503, None}


def test_an_overloaded_worker_answers_503(tmp_path: Path) -> None:
    with running_app(tmp_path, {"UVICORN_WORKERS": "1", "LIMIT_CONCURRENCY": "5"}) as app, ExitStack() as open_sockets:
        for _ in range(8):
            open_sockets.enter_context(closing(half_a_request(app)))
        until(lambda: httpx2.get(f"{app.url}/products", timeout=30).status_code == 503)
        refused = httpx2.get(f"{app.url}/products", headers={"X-Request-ID": "mine"}, timeout=30)
        assert (refused.status_code, refused.json()) == (503, {"detail": "Service temporarily unavailable"})
        expected = {
            "retry-after": "1",
            "x-request-id": "mine",
            "connection": "close",
            "content-type": "application/json",
        }
        assert {name: refused.headers[name] for name in expected} == expected
        assert httpx2.get(f"{app.url}/health_check/live", timeout=30).status_code == 200


def status_of(connection: http.client.HTTPConnection) -> int | None:
    with suppress(http.client.HTTPException, ConnectionError):
        return connection.getresponse().status
    return None


def test_a_hanging_worker_does_not_block_a_stop(tmp_path: Path) -> None:
    with running_app(tmp_path, {"TIMEOUT_GRACEFUL_SHUTDOWN": "1"}) as app:
        pids = everything(app)
        os.kill(app.workers()[0], signal.SIGSTOP)
        app.process.terminate()
        app.process.wait(60)
        until(lambda: not alive(pids))


def test_the_development_launcher_starts_and_stops(tmp_path: Path) -> None:
    with running_app(tmp_path, {}, script=ROOT / "main.py") as app:
        until(lambda: b"Health check" in app.log.read_bytes())
        pids = everything(app)
        assert app.stop() == 0
        until(lambda: not alive(pids))


def test_only_source_files_are_watched() -> None:
    config = server_config(Settings(), reload=True, reload_dirs=[str(ROOT / folder) for folder in SOURCES])
    files = {path.relative_to(ROOT) for path in SourceReload(config, Server(config).run, []).iter_py_files()}
    assert {Path("main.py"), Path("config/settings/server.py")} <= files
    assert {path.parts[0] for path in files if path.parent.parts} <= {*SOURCES}


@pytest.mark.parametrize(
    ("changed", "warns"),
    [
        ({"api_host": "0.0.0.0"}, True),
        ({"api_host": "::"}, True),
        ({"api_host": "192.0.2.1"}, True),
        ({"api_host": "127.0.0.1"}, False),
        ({"api_host": "localhost"}, False),
        ({"api_host": "::1"}, False),
        ({"api_host": "0.0.0.0", "auth_mode": "api_key"}, False),
    ],
)
def test_an_open_service_warns(
    changed: dict[str, Any], warns: bool, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_if_open(Settings(**changed))
    told = f"AUTH_MODE is none and API_HOST is {changed['api_host']}: "
    assert (told in capsys.readouterr().err) is (told in caplog.text) is warns


@pytest.mark.parametrize(
    ("changed", "warns"),
    [
        ({}, True),
        ({"cors_origins": ""}, False),
        ({"cors_origins": "https://a.example"}, False),
        ({"auth_mode": "api_key"}, False),
    ],
)
def test_a_service_open_to_web_pages_warns(
    changed: dict[str, Any], warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_if_open(Settings(_env_file=None, **changed))
    assert caplog.text.count("AUTH_MODE is none and CORS_ORIGINS is *: ") == warns


def test_both_launchers_warn(settings: Settings, tmp_path: Path) -> None:
    """Run the shared part of the launchers. It does not listen, so no one else can reach the service."""
    program = "from infrastructure.server.launcher import prepared_service\nwith prepared_service(): print('launched')"
    environment = os.environ | {"API_HOST": "0.0.0.0", "API_PORT": str(free_port()), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "launched" in done.stdout
    assert "!! AUTH_MODE is none and API_HOST is 0.0.0.0: " in done.stderr


# Everything that `run_production.py` imports and prepares, and the application that its workers import.
PRODUCTION_START = """
import sys
import run_production
from infrastructure.server.supervisor import Workers

def run(workers):
    import main
    print("embedded modules:", [name for name in sys.modules if name.startswith("infrastructure.embedded")])
    return True

Workers.run = run
run_production.main()
"""


@pytest.mark.parametrize("redis", [{}, {"REDIS_ENABLED": "false", "REDIS_HOST": ""}], ids=["redis", "no-redis"])
def test_a_production_start_never_imports_the_embedded_servers(
    settings: Settings, tmp_path: Path, redis: dict[str, str]
) -> None:
    environment = os.environ | {"API_PORT": str(free_port()), "PYTHONPATH": str(ROOT), **redis}
    command = [sys.executable, "-c", PRODUCTION_START]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "embedded modules: []" in done.stdout, done.stdout + done.stderr
