"""Tests that raw responses equal the responses of the usual two messages."""

import gc
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Server
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.server.http_protocol import WRITE_RAW, DeadlineConfig
from middleware.raw_response import STATUS_LINE_200, head_of

BODY = b'[{"id_key":1}]'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY)), (b"x-cache-hit", b"true")]


PLAIN = [(b"content-length", b"4")]
# Responses by path: status, headers, parts of the body.
UNUSUAL: dict[str, tuple[int, list[tuple[bytes, bytes]], list[bytes]]] = {
    "/parts": (200, PLAIN, [b"pa", b"rt"]),
    "/no-length": (200, [], [b"pa", b"rt"]),
    "/chunked": (200, [(b"transfer-encoding", b"chunked")], [b"part"]),
    "/closing": (200, [*PLAIN, (b"connection", b"close")], [b"part"]),
    "/no-content": (204, [], [b""]),
    "/unchanged": (304, [(b"etag", b"x")], [b""]),
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/whole":
        scope[WRITE_RAW](STATUS_LINE_200 + head_of(HEADERS), BODY)
        return
    if scope["path"] in UNUSUAL:
        status, headers, parts = UNUSUAL[scope["path"]]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})
        return
    if scope["path"] in ("/too-short", "/two-headers"):
        length = b"5" if scope["path"] == "/too-short" else b"4\r\nx-evil: 1"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"part"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    config = DeadlineConfig(
        app, port=port, lifespan="off", log_config=None, request_header_seconds=5, request_body_seconds=5
    )
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("path", ["/usual", "/whole"])
def test_a_response_leaves_no_garbage(port: int, path: str) -> None:
    """Count the cycles that survive. Each would keep its request until the next collection, and slow that down."""
    gc.collect()
    gc.disable()
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, port)) as connection:
            for _ in range(20):
                connection.request("GET", path)
                assert connection.getresponse().read() == BODY
            assert sum(isinstance(item, RequestResponseCycle) for item in gc.get_objects()) <= 1
    finally:
        gc.enable()


def test_a_raw_response_equals_the_usual_one(port: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, port)
    answers = []
    for path in ("/usual", "/whole", "/whole", "/usual"):
        connection.request("GET", path)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        assert headers.pop("date").endswith("GMT")
        answers.append((response.status, headers, response.read()))
    connection.close()
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][2] == BODY


def test_the_connection_is_closed_on_request(port: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, port)
    connection.request("GET", "/whole", headers={"Connection": "close"})
    response = connection.getresponse()
    assert response.getheader("connection") == "close"
    assert response.read() == BODY
    assert response.isclosed()
    connection.close()


@pytest.mark.parametrize("path", UNUSUAL)
def test_an_unusual_response_arrives_unchanged(port: int, path: str) -> None:
    status, headers, parts = UNUSUAL[path]
    with closing(http.client.HTTPConnection(LOOPBACK, port)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, response.read()) == (status, b"".join(parts))
        assert {(name.decode(), value.decode()) for name, value in headers} <= set(response.getheaders())
        connection.request("GET", "/usual")
        assert connection.getresponse().read() == BODY


@pytest.mark.parametrize("path", ["/usual", "/whole"])
def test_a_response_to_head_has_no_body(port: int, path: str) -> None:
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert b"content-length: %d" % len(BODY) in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/too-short", "/two-headers"])
def test_an_invalid_response_is_not_sent_as_one(port: int, path: str) -> None:
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert b"x-evil" not in answer
    assert not answer.startswith(b"HTTP/1.1 200 OK") or b"content-length: 5" in answer
