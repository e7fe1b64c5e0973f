"""Supervisor of the embedded servers: restarts, their bound, and the end of the service."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
import redis

from infrastructure.embedded import supervisor
from infrastructure.embedded.process import EmbeddedServer, command_line
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from infrastructure.embedded.supervisor import supervised
from tests.servers import postgres_server, until, valkey_server


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == supervisor.__name__]


def kill(server: EmbeddedServer) -> int:
    assert server.process
    os.kill(server.process.pid, signal.SIGKILL)
    return server.process.pid


def process_id(server: EmbeddedServer) -> int:
    return server.process.pid if server.process else 0


@contextmanager
def running(server: type[EmbeddedServer], folder: Path) -> Iterator[EmbeddedServer]:
    with (postgres_server if server is PostgresServer else valkey_server)(folder) as started, supervised(started):
        yield started


def answers(server: EmbeddedServer) -> bool:
    if isinstance(server, PostgresServer):
        try:
            server.connect("ecommerce_db").close()
        except psycopg2.OperationalError:
            return False
        return True
    with redis.Redis(port=server.port, password=server.password) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.mark.parametrize("server", [PostgresServer, ValkeyServer])
def test_a_killed_server_is_restarted_on_its_port(
    server: type[EmbeddedServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(server, tmp_path) as started:
        port, killed = started.port, kill(started)
        until(lambda: process_id(started) != killed and answers(started))
        assert started.port == port
        last = process_id(started)
    assert messages(caplog) == [f"{server.name} ended (SIGKILL), restarting it on port {port}"]
    assert not command_line(last)


def test_a_server_that_ends_again_and_again_stays_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PAUSES", (0, 0, 0))
    with running(ValkeyServer, tmp_path) as started:
        for _ in range(3):
            killed = kill(started)
            until(lambda killed=killed: process_id(started) != killed and answers(started))  # type: ignore[misc] # default
        kill(started)
        until(lambda: "stays down" in caplog.text)
        assert started.has_exited()
    assert messages(caplog)[3:] == [f"Valkey ended again after 3 restarts and stays down: {started.log}"]


def test_a_stable_server_begins_a_new_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PAUSES", (0,))
    monkeypatch.setattr(supervisor, "STABLE_SECONDS", 0)
    with running(ValkeyServer, tmp_path) as started:
        for _ in range(3):
            killed = kill(started)
            until(lambda killed=killed: process_id(started) != killed and answers(started))  # type: ignore[misc] # default
    assert len(messages(caplog)) == 3


def test_the_end_of_the_service_does_not_wait_for_a_pause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PAUSES", (10_000,))
    with running(ValkeyServer, tmp_path) as started:
        kill(started)
        until(lambda: messages(caplog))
    assert started.process is None


def test_the_end_of_the_service_does_not_wait_for_a_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restart a server that never accepts connections."""
    with running(ValkeyServer, tmp_path) as started:
        monkeypatch.setattr(started, "_accepts_connections", lambda: False)
        monkeypatch.setattr("infrastructure.embedded.process.START_SECONDS", 10_000)
        killed = kill(started)
        until(lambda: process_id(started) not in (0, killed))
        last = process_id(started)
    assert not command_line(last)


def test_a_start_that_fails_is_logged_and_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(ValkeyServer, tmp_path) as started:
        with monkeypatch.context() as patch:
            patch.setattr(started, "_prepare", lambda: (_ for _ in ()).throw(SystemExit("no program")))
            killed = kill(started)
            until(lambda: "Valkey does not start: no program" in caplog.text)
        until(lambda: process_id(started) != killed and answers(started))
