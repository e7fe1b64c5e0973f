"""Answers handed to the server whole, in one write: an extension that the server offers in the ASGI scope.

The usual two messages cost as much as all the rest of an answer from the cache: the server takes each header apart.
Who wraps `send` to see or change what passes must take the offer out of the scope; the answer then comes as usual.
"""

from collections.abc import Iterable

from starlette.types import Scope

from infrastructure.server.http_protocol import WRITE_RAW

Header = tuple[bytes, bytes]

# What the outermost layer adds to the head, and where it finds the status of an answer that was handed over whole.
CONTEXT_HEAD = "ecommerce.context_head"
STATUS = "ecommerce.status"

STATUS_LINE_200 = b"HTTP/1.1 200 OK\r\n"


def head_of(headers: Iterable[Header]) -> bytes:
    """Headers as they stand on the wire. Their values must be our own, since nobody looks at them again."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def decline(scope: Scope) -> None:
    """For who has to see the answer as messages."""
    scope.pop(WRITE_RAW, None)
