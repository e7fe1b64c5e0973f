"""Test doubles for the contract with Uvicorn: a transport without a socket, and a protocol that records its calls."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

CHANGED = f"Uvicorn {uvicorn.__version__} changed an API of infrastructure/server: "
GET = b"GET /path?query HTTP/1.1\r\nHost: x\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}
BODY = {"type": "http.response.body", "body": b"body"}


class Transport(asyncio.Transport):
    """A transport that records the calls of the protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = self.paused = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Recorder(HttpToolsProtocol):
    """Uvicorn's protocol, with a record of the calls of methods that DeadlineProtocol overrides."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.calls: list[str] = []
        self.started: list[tuple[RequestResponseCycle, Any]] = []

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.calls.append("_start_asgi_task")
        self.started.append((cycle, app))

    def on_message_begin(self) -> None:
        self.calls.append("on_message_begin")
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.calls.append("on_headers_complete")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.calls.append("on_message_complete")
        super().on_message_complete()


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(BODY)


def connect(state: ServerState | None = None, **options: Any) -> tuple[Recorder, Transport]:
    """Return a connected protocol and its transport. Call it in a running event loop."""
    config = Config(application, ws="none", log_config=None, **options)
    transport, protocol = Transport(), Recorder(config, state or ServerState(), {})
    protocol.connection_made(transport)
    return protocol, transport


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))
