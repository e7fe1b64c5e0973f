"""Request bodies that are files: too large for the memory, and slower to send than other bodies."""

import hashlib
import logging
from typing import IO

from starlette.exceptions import HTTPException
from starlette.requests import Request

from infrastructure.exceptions import UnavailableError
from infrastructure.server.http_protocol import ALLOW_BODY_SECONDS

logger = logging.getLogger(__name__)


def check_length(request: Request, limit: int) -> None:
    """Raise HTTPException if the request announces a longer body. Many clients then do not send it."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_long(limit)


async def receive_file(request: Request, file: IO[bytes], limit: int, seconds: float) -> str:
    """Write the body to the file, and return its SHA-256. The client has `seconds` to send it.

    Raises HTTPException above the limit, UnavailableError if the disk is full.
    """
    if allow := request.scope.get(ALLOW_BODY_SECONDS):
        allow(seconds)
    size, digest = 0, hashlib.sha256()
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_long(limit)
            digest.update(chunk)
            file.write(chunk)
    except OSError as error:
        logger.warning("an uploaded file cannot be stored: %s", error)
        raise UnavailableError("an uploaded file cannot be stored") from error
    return digest.hexdigest()


def _too_long(limit: int) -> HTTPException:
    return HTTPException(413, f"The file is longer than {limit} bytes")
