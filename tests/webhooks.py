"""Receiver of webhooks, which a test can let fail, wait and misbehave."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson
from standardwebhooks import Webhook

from infrastructure.embedded.ports import LOOPBACK, free_port
from tests.factories import Object


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Object:
        event: Object = orjson.loads(self.body)
        return event

    def verify(self, secret: str) -> Object:
        """Return the event if a signature is right, as receivers in Python do."""
        event: Object = Webhook(secret).verify(self.body, self.headers)
        return event


Reply = Callable[[Received, BaseHTTPRequestHandler], None]


def reply(status: int, **headers: str) -> Reply:
    def send(_: Received, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    return send


class Receiver:
    """HTTP server that keeps the requests it gets and answers them with `reply`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.reply: Reply = reply(204)
        self.server = _Server((LOOPBACK, free_port()), self)
        self.url = f"http://{LOOPBACK}:{self.server.server_port}/hooks"

    @property
    def names(self) -> list[str]:
        """Return the data's names of the events received, in their order."""
        return [received.event["data"]["name"] for received in self.received]


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, where: tuple[str, int], receiver: Receiver) -> None:
        super().__init__(where, _Handler)
        self.receiver = receiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.receiver.received.append(received)
        with suppress(ConnectionError):
            self.server.receiver.reply(received, self)

    def log_message(self, *_: Any) -> None:
        """Discard the log line."""
