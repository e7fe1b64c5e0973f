"""The listening socket: messages about a port that cannot be had, and a close that resets no connection."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.server.listener import _waiting, bind, close, listen, refuse_connections
from tests.servers import until


@pytest.fixture
def own() -> Settings:
    return Settings(api_host="127.0.0.1", api_port=free_port())


@pytest.fixture
def listener(own: Settings) -> Iterator[socket.socket]:
    with bind(own) as listener:
        listener.setblocking(False)
        yield listener


def test_clients_are_refused_until_the_service_listens(listener: socket.socket, own: Settings) -> None:
    address = (own.api_host, own.api_port)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    listen(listener, own)
    socket.create_connection(address).close()


def test_a_taken_port_is_explained_in_one_line(listener: socket.socket, own: Settings) -> None:
    listen(listener, own)
    with pytest.raises(SystemExit) as stopped:
        bind(own)
    told = str(stopped.value)
    assert "\n" not in told
    assert told.startswith(f"API_PORT={own.api_port}: the port is in use by process {os.getpid()} (")


def test_a_port_that_is_taken_between_the_two_steps_is_explained(listener: socket.socket, own: Settings) -> None:
    with bind(own) as faster:
        listen(faster, own)
        with pytest.raises(SystemExit, match=rf"^API_PORT={own.api_port}: the port is in use by process"):
            listen(listener, own)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid"])
def test_an_impossible_host_is_explained_in_one_line(host: str, own: Settings) -> None:
    with pytest.raises(SystemExit, match=rf"^API_HOST={host} API_PORT={own.api_port}: .+$"):
        bind(own.model_copy(update={"api_host": host}))


def test_ipv6(own: Settings) -> None:
    with bind(own.model_copy(update={"api_host": "::1"})) as listener:
        assert listener.family == socket.AF_INET6


def test_a_close_resets_no_connection(listener: socket.socket, own: Settings) -> None:
    """Let two clients wait in the queue, and one that comes too late be refused after they are accepted."""
    address = (own.api_host, own.api_port)
    listen(listener, own)
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        early = [stack.enter_context(socket.create_connection(address, 30)) for _ in range(2)]
        assert _waiting(listener) == 2
        refusing = pool.submit(refuse_connections, listener)
        accepted = [stack.enter_context(listener.accept()[0]) for _ in early]
        refusing.result(30)
        assert _waiting(listener) == 0
        late = pool.submit(socket.create_connection, address, 30)
        until(late.running)
        close(listener)
        with pytest.raises(ConnectionRefusedError):
            late.result(30)
        for client, server in zip(early, accepted, strict=True):
            client.sendall(b"question")
            server.setblocking(True)
            assert server.recv(100) == b"question"
            server.sendall(b"answer")
            assert client.recv(100) == b"answer"


def test_a_close_takes_effect_in_other_processes(listener: socket.socket, own: Settings) -> None:
    """Hold a duplicate of the socket, as a worker that hangs does."""
    listen(listener, own)
    with listener.dup():
        close(listener)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own.api_host, own.api_port))
