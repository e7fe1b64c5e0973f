"""Answers of the layers in front of the router: JSON, as the two messages that a server takes."""

from starlette.types import Send

Headers = list[tuple[bytes, bytes]]


def json_headers(body: bytes) -> Headers:
    return [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]


async def answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
