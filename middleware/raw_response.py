"""Responses without Starlette: as ASGI messages, or as raw bytes in one write.

The server offers raw writes in the ASGI scope. They cost half of a cache hit sent as messages, because the server takes
the messages apart header by header. A layer that wraps `send` declines the offer; the response then comes as messages.
"""

from collections.abc import Iterable

from starlette.types import Scope, Send

from infrastructure.server.http_protocol import WRITE_RAW

Header = tuple[bytes, bytes]
Headers = list[Header]

STATUS_LINE_200 = b"HTTP/1.1 200 OK\r\n"


def json_headers(body: bytes, coding: str | None = None) -> Headers:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return [*headers, (b"content-encoding", coding.encode())] if coding else headers


async def send_response(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def head_of(headers: Iterable[Header]) -> bytes:
    """Return the header lines of a raw response. The values must be our own: nothing validates them."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def decline_raw_response(scope: Scope) -> None:
    """Remove the server's offer, for layers that need the response as messages."""
    scope.pop(WRITE_RAW, None)
