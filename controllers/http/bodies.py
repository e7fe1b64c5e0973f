"""Request bodies: received within bounds of size and memory, and decoded from JSON."""

import asyncio
import logging
from email.message import Message
from time import monotonic
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from infrastructure.exceptions import UnavailableError
from schemas.base_schema import from_json

ABSENT = object()
"""Value of a parameter that the request does not have."""

BUDGET_BYTES = 4 * 2**20
"""Bytes of incomplete bodies in a worker. Complete bodies take milliseconds; slow clients could fill the memory."""
QUIET_SECONDS = 60  # between two warnings

logger = logging.getLogger(__name__)


class BodyBudget:
    """Incomplete bodies by the deadline that ends their request, oldest first.

    Above the bound, the oldest body ends: those of honest clients are younger than those of slow attackers.
    """

    def __init__(self, limit: int = BUDGET_BYTES) -> None:
        self._limit, self._total = limit, 0
        self._held: dict[asyncio.Timeout, int] = {}
        self._quiet_until = 0.0

    def hold(self, deadline: asyncio.Timeout, size: int, largest_body: int) -> None:
        """Count `size` more bytes. One body of the largest size is always possible."""
        if deadline.when() is not None:
            return  # its request has ended, but has not noticed yet
        self._held[deadline] = self._held.get(deadline, 0) + size
        self._total += size
        while self._total > max(self._limit, largest_body):
            oldest = next(iter(self._held))
            self.release(oldest)
            oldest.reschedule(asyncio.get_running_loop().time())
            self._warn()

    def release(self, deadline: asyncio.Timeout) -> None:
        self._total -= self._held.pop(deadline, 0)

    def _warn(self) -> None:
        if monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + QUIET_SECONDS
            logger.warning("incomplete request bodies exceed %d bytes: the oldest are refused", self._limit)


BODIES = BodyBudget()  # of this worker


async def read_body(request: Request, limit: int, is_required: bool) -> Any:
    """Return the JSON body with exact numbers, or ABSENT. Raises RequestValidationError for a body of another type."""
    body = await receive_body(request, limit)
    if not body and not is_required:
        return ABSENT
    if not body:
        raise RequestValidationError([{"loc": ("body",), "msg": "Field required", "type": "missing"}])
    if not _is_json_type(request.headers.get("content-type")):
        message = "The body needs the Content-Type application/json"
        raise RequestValidationError([{"loc": ("header", "Content-Type"), "msg": message, "type": "content_type"}])
    try:
        return from_json(body.decode())
    except (ValueError, RecursionError, ArithmeticError) as error:
        item = {"loc": ("body", getattr(error, "pos", 0)), "msg": "JSON decode error", "type": "json_invalid"}
        raise RequestValidationError([item]) from error


async def receive_body(request: Request, limit: int) -> bytes:
    """Return the body. Raises HTTPException above the limit, UnavailableError if too many bodies are incomplete."""
    chunk, is_last = await _receive_chunk(request)
    if is_last and len(chunk) <= limit:
        return chunk
    try:
        async with asyncio.timeout(None) as deadline:
            return await _receive_rest(request, chunk, limit, deadline)
    except TimeoutError as error:
        raise UnavailableError("too many bodies are incomplete") from error


async def _receive_rest(request: Request, chunk: bytes, limit: int, deadline: asyncio.Timeout) -> bytes:
    size, chunks, is_last = 0, list[bytes](), False
    try:
        while True:
            size += len(chunk)
            if size > limit:
                raise HTTPException(413, f"The body is longer than {limit} bytes")
            chunks.append(chunk)
            if is_last:
                return b"".join(chunks)
            BODIES.hold(deadline, len(chunk), limit)
            chunk, is_last = await _receive_chunk(request)
    finally:
        BODIES.release(deadline)


async def _receive_chunk(request: Request) -> tuple[bytes, bool]:
    """Return a part of the body, and whether it is the last one. Starlette's generator costs more than the rest."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), not message.get("more_body", False)


def _is_json_type(content_type: str | None) -> bool:
    """Return True for JSON types, and for a body without a type."""
    if content_type in (None, "", "application/json"):
        return True
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
