"""Whole application while its console, its log files, its metrics folder or its database fail."""

import json
import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infrastructure.embedded.servers import PostgresServer
from tests.load import ask
from tests.servers import App, address, kill, postgres_server, running_app, until

NO_REDIS = {"REDIS_ENABLED": "false", "LIMIT_MAX_REQUESTS": "0"}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def environment(postgres: PostgresServer) -> dict[str, str]:
    return address(postgres) | NO_REDIS


def metric(app: App, name: str) -> float:
    lines = ask(app.url, "GET", "/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def logged(app: App, file: str = "app.log") -> str:
    return (app.log.parent / "logs" / file).read_text()


def test_console_that_nobody_reads(tmp_path: Path, environment: dict[str, str]) -> None:
    """Expect all lines in the file, answers, a metric, and an end."""
    reader, console = os.pipe()
    with running_app(tmp_path, environment | {"ACCESS_LOG": "true"}, console=console) as app:
        os.close(console)
        path = "/nothing/" + "x" * 3000
        for number in range(100):
            assert ask(app.url, "GET", f"{path}{number}").status == 404
        until(lambda: logged(app).count("/nothing/") == 100)
        assert app.stop() == 0
    os.close(reader)


def test_client_address_in_the_access_log_is_that_of_the_limiter(tmp_path: Path, environment: dict[str, str]) -> None:
    """Include requests that end in front of the fast path: CORS preflights, and those of an overloaded worker."""
    more = {"ACCESS_LOG": "true", "UVICORN_WORKERS": "1", "LIMIT_CONCURRENCY": "1"}
    half = b"POST /products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    preflight = "Origin: http://x\r\nAccess-Control-Request-Method: GET\r\n"
    with running_app(tmp_path, environment | more) as app, ExitStack() as stack:
        for number, (method, path, headers) in enumerate(
            [("GET", "/health_check/live", ""), ("OPTIONS", "/products", preflight), ("GET", "/products", "")]
        ):
            send(app, method, path, f"{headers}X-Forwarded-For: 203.0.113.{number}\r\n")
        port = int(app.url.rpartition(":")[2])
        stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)).sendall(half)
        until(lambda: b" 503 " in send(app, "GET", "/nothing", ""))
        assert b" 503 " in send(app, "GET", "/products", "X-Forwarded-For: 203.0.113.3\r\n").split(b"\r\n")[0]
        until(lambda: all(f"client=203.0.113.{number}\n" in logged(app) for number in range(4)))


def send(app: App, method: str, path: str, headers: str) -> bytes:
    host, _, port = app.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("api_host", ["127.0.0.1", "0.0.0.0"])
def test_every_line_on_the_console_is_json(tmp_path: Path, environment: dict[str, str], api_host: str) -> None:
    more = {"LOG_FORMAT": "json", "ACCESS_LOG": "true", "API_HOST": api_host}
    with running_app(tmp_path, environment | more) as app:
        until(lambda: b"the service answers" in app.log.read_bytes())
        assert app.stop() == 0
    lines = [json.loads(line) for line in app.log.read_text().splitlines()]
    by_message = {line["message"]: line for line in lines}
    assert by_message["settings"]["settings"]["POSTGRES_PASSWORD"] == "(set)"
    assert by_message["the service answers"]["urls"]["API"] == app.url
    assert ("anyone who reaches this port" in app.log.read_text()) is (api_host == "0.0.0.0")
    assert {"request", "Received SIGTERM, exiting."} <= by_message.keys()


def test_metrics_folder_that_is_removed(tmp_path: Path, environment: dict[str, str]) -> None:
    """Expect readiness all the time, and the same counters from both workers afterwards."""
    folder = tmp_path / "metrics"
    with running_app(tmp_path, environment | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}) as app:
        for _ in range(20):
            assert ask(app.url, "GET", "/products").status == 200
        until(lambda: metric(app, "http_requests_total") >= 20)
        shutil.rmtree(folder)
        for _ in range(20):
            assert ask(app.url, "GET", "/health_check/ready").status == 200
            assert ask(app.url, "GET", "/health_check").status == 200
        until(lambda: len(list(folder.glob("worker_*.json"))) == 2)
        readings = [metric(app, "http_requests_total") for _ in range(20)]
        assert readings == sorted(readings)
        assert readings[0] >= 20


def test_redis_that_is_turned_off(tmp_path: Path, environment: dict[str, str]) -> None:
    with running_app(tmp_path, environment) as app:
        health = ask(app.url, "GET", "/health_check").json()
    assert (health["status"], health["checks"]["redis"]) == ("healthy", {"status": "disabled"})


def test_exhausted_file_descriptors(tmp_path: Path, environment: dict[str, str]) -> None:
    """Take all descriptors of the only worker, then give them back: one line each, and no restart."""
    with running_app(tmp_path, environment | {"UVICORN_WORKERS": "1"}) as app:
        [worker] = app.workers()
        assert ask(app.url, "GET", "/products").status == 200
        before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        in_use = len(os.listdir(f"/proc/{worker}/fd"))
        # Some may be those of the request above, or of a file that is being written.
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (in_use - 5, before[1]))
        with ExitStack() as stack:
            port = int(app.url.rpartition(":")[2])
            for _ in range(20):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            begin = "new connections are closed at once: Too many open files"
            until(lambda: begin in logged(app, "error.log"))
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
        until(lambda: "there are free file descriptors again" in logged(app, "error.log"))
        assert ask(app.url, "GET", "/products").status == 200
        assert logged(app, "error.log").count(begin) == 1
        assert "Traceback" not in app.log.read_text()
        assert metric(app, "file_descriptors_exhausted_total") == 1


def test_outage_of_the_database(tmp_path: Path, environment: dict[str, str], postgres: PostgresServer) -> None:
    """Expect one line in `error.log` for the begin and one for the end, from each worker, with libpq's reason."""
    with running_app(tmp_path, environment) as app:
        everywhere(app, 200)
        kill(postgres)
        everywhere(app, 503)
        until(lambda: len(lines_with(app, "the database is unavailable: ")) == 2)
        for _ in range(10):
            ask(app.url, "GET", "/orders")
        postgres.start()
        until(lambda: everywhere(app, 200) and len(lines_with(app, "the database is available again")) == 2)
        begun = lines_with(app, "the database is unavailable: ")
        assert len(begun) == 2
        assert all("Connection refused" in line or "closed the connection" in line for line in begun)
        assert postgres.password not in logged(app)
        until(lambda: metric(app, "db_outages_total") == 2)


def everywhere(app: App, status: int) -> bool:
    """Send requests of all kinds until this status has come often enough to be that of both workers."""
    client = {"name": "John", "lastname": "Doe"}
    requests: list[Callable[[], int]] = [
        lambda: ask(app.url, "GET", "/orders").status,
        lambda: ask(app.url, "PATCH", "/clients/1", client).status,
    ]
    return all(until(lambda send=send: send() in (status, 404)) for send in requests * 10)  # type: ignore[misc]


def lines_with(app: App, text: str) -> list[str]:
    return [line for line in logged(app, "error.log").splitlines() if text in line]
