"""Bodies that arrive slowly: together they take a bounded amount of memory."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from config.settings import Settings
from controllers.http import bodies
from controllers.http.bodies import BodyBudget
from infrastructure.embedded.ports import LOOPBACK, free_port
from tests.servers import served_in_thread, until

MEGABYTE = 1_000_000
HEAD = b"POST /products HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MEGABYTE


@pytest.fixture(scope="module")
def port(settings: Settings) -> Iterator[int]:
    from main import create_fastapi_app

    settings = settings.model_copy(update={"api_host": LOOPBACK, "api_port": free_port()})
    with served_in_thread(create_fastapi_app(settings)) as port:
        yield port


def test_oldest_incomplete_bodies_are_refused(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    budget = BodyBudget(3 * MEGABYTE)
    monkeypatch.setattr(bodies, "BODIES", budget)
    caplog.set_level(logging.WARNING)
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((LOOPBACK, port), 30)) for _ in range(5)]
        for number, connection in enumerate(slow, 1):
            connection.sendall(HEAD + b" " * (MEGABYTE - 1))
            expected = min(number, 3) * (MEGABYTE - 1)
            until(lambda: budget._total == expected)  # noqa: B023 # it is called at once
        for connection in slow[:2]:
            assert connection.recv(65536).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        for connection in slow[2:]:
            connection.sendall(b" ")
            assert connection.recv(65536).startswith(b"HTTP/1.1 422 "), "a blank body is no JSON"
        until(lambda: not budget._held)
    assert budget._total == 0
    assert caplog.text.count("incomplete request bodies") == 1
