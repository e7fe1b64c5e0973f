"""Documents and files that do not change while the process runs: compressed once, at the first request."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from controllers.http.responses import ReadyResponse
from middleware.compression import CODINGS, Encoder
from middleware.etags import etag_for_coding, names_etag
from middleware.scope_keys import ENCODER
from services.rendering import etag_of

LEVELS: Mapping[str, int] = {"zstd": 12, "gzip": 9}
TEXTS = (".js", ".css", ".txt")
VERSIONED = "console/assets/"  # the names of these files contain a hash
IMMUTABLE = "public, max-age=31536000, immutable"


class Asset:
    """A document."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._body, self._etag, self._headers = body, etag_of(body), headers
        self._compressed: dict[str, bytes] = {}

    async def response(self, request: Request) -> Response:
        """Return 200 with the body in the client's coding, or 304 if `If-None-Match` names its tag."""
        encoder: Encoder | None = request.scope.get(ENCODER)
        coding = encoder.coding_of(len(self._body)) if encoder else None
        etag = etag_for_coding(self._etag, coding) if coding else self._etag
        headers = MutableHeaders({**self._headers, "etag": etag})
        if names_etag(request.headers.get("if-none-match", ""), self._etag):
            return ReadyResponse(304, headers.raw)
        body = await self._in(coding) if coding else self._body
        return _ready(headers, coding, body)

    async def _in(self, coding: str) -> bytes:
        if coding not in self._compressed:
            self._compressed[coding] = await asyncio.to_thread(CODINGS[coding], self._body, LEVELS[coding])
        return self._compressed[coding]


class VersionedFiles(StaticFiles):
    """Files that a browser may keep for a year, because their addresses change with their contents."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._directory = directory
        self._compressed: dict[tuple[str, str], bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v=") or path.startswith(VERSIONED):
            response.headers["Cache-Control"] = IMMUTABLE
        encoder: Encoder | None = scope.get(ENCODER)
        if encoder is None or not path.endswith(TEXTS) or "range" in Headers(scope=scope):
            return response
        coding = encoder.coding_of((self._directory / path).stat().st_size)
        if coding:
            response.headers["etag"] = etag_for_coding(response.headers["etag"], coding)
        if coding and isinstance(response, FileResponse):
            return _ready(response.headers, coding, await self._in(path, coding))
        return response

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        """Compare with the tags of all codings."""
        if known := request_headers.get("if-none-match"):
            return names_etag(known, response_headers["etag"])
        return super().is_not_modified(response_headers, request_headers)

    async def _in(self, path: str, coding: str) -> bytes:
        if (path, coding) not in self._compressed:
            body = (self._directory / path).read_bytes()
            self._compressed[path, coding] = await asyncio.to_thread(CODINGS[coding], body, LEVELS[coding])
        return self._compressed[path, coding]


def _ready(headers: MutableHeaders, coding: str | None, body: bytes) -> Response:
    if coding:
        headers["content-encoding"] = coding
    headers["content-length"] = str(len(body))
    return ReadyResponse(200, headers.raw, body)
