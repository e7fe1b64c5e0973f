"""Exports over HTTP: a response in parts, as fast as the client reads it."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from controllers.http.parameters import Context
from infrastructure.exceptions import UnavailableError
from services.base_service_impl import BaseService
from services.bulk.export_service import ExportService

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
EXPORT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All objects that the filters let through",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/x-ndjson")},
    }
}

logger = logging.getLogger(__name__)


class ExportResponse(Response):
    """Response of unknown length. It ends without its last chunk if it is cut, which every client notices."""

    def __init__(self, first: bytes, others: AsyncGenerator[bytes], headers: dict[str, str], seconds: float) -> None:
        self.status_code, self.background, self.body = 200, None, first
        self.raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._others, self._seconds = others, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._others):
            try:
                async with asyncio.timeout(self._seconds):
                    await self._send(Request(scope, receive), send)
            except (TimeoutError, UnavailableError) as error:
                reason = str(error) or f"the client has not read it in {self._seconds:g} seconds"
                logger.warning("export %s is cut: %s", scope["path"], reason)

    async def _send(self, request: Request, send: Send) -> None:
        """Send all parts, unless the client leaves. Sending waits until it has read most of the earlier ones."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if request.method != "HEAD":
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            async for part in self._others:
                if await request.is_disconnected():
                    return
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def export_endpoint(service: BaseService[Any, Any, Any, Any], name: str) -> Any:
    """Return the endpoint that exports all objects of the service into a file of this name."""
    exports, settings = ExportService(service), service.app_context.settings

    async def export(request: Request, context: Context, query: Any) -> Response:
        """Export all objects that the filters let through, as they are at one moment."""
        parts: Any = exports.parts(context, query, query.format)
        first = await anext(parts)  # an error so far is a status
        headers = {
            "content-type": MEDIA_TYPES[query.format],
            "content-disposition": f'attachment; filename="{name}.{query.format}"',
        }
        return ExportResponse(first, parts, headers, settings.export_timeout)

    return export
