"""Answers that the server writes whole are what the usual two messages would have been."""

import http.client
import threading
import time
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Server

from config.http_protocol import WRITE_WHOLE, DeadlineConfig
from config.network import LOOPBACK, free_port
from middleware.whole_answers import STATUS_LINE_200, head_of

BODY = b'[{"id_key":1}]'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY)), (b"x-cache-hit", b"true")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/whole":
        scope[WRITE_WHOLE](STATUS_LINE_200 + head_of(HEADERS), BODY)
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


def test_a_whole_answer_is_like_the_usual_one(port: int) -> None:
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


def test_the_connection_is_closed_for_who_asks(port: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, port)
    connection.request("GET", "/whole", headers={"Connection": "close"})
    response = connection.getresponse()
    assert response.getheader("connection") == "close"
    assert response.read() == BODY
    assert response.isclosed()
    connection.close()
