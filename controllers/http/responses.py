"""Responses of operations: built from a service's result, and documented."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from middleware.compression import Encoder
from middleware.etags import etag_for_coding, names_etag
from middleware.raw_response import Headers, json_headers
from middleware.scope_keys import ENCODER, REQUEST_CONTEXT
from schemas.errors.error_schema import ErrorBody, NotFoundBody, RateLimitBody, RefusalBody, ValidationErrors
from services.bulk.spooled_json import SpooledJson
from services.rendering import RenderedJson

JSON = "application/json"
Responses = dict[int | str, dict[str, Any]]

DOCUMENTED: Responses = {
    204: {"description": "Nothing to record: the count agrees with the stock"},
    304: {"description": "Not modified: `If-None-Match` names the current `ETag`"},
    400: {"description": "A rule of the shop forbids it", "model": RefusalBody},
    401: {"description": "Authentication required, or invalid credentials", "model": ErrorBody},
    403: {"description": "Not allowed for this role", "model": ErrorBody},
    404: {"description": "The object, or one that it refers to, does not exist", "model": NotFoundBody},
    409: {"description": "The stored data forbid it", "model": ErrorBody},
    410: {"description": "Events after `after_id` have been removed because of their age", "model": ErrorBody},
    412: {"description": "The object has changed since the `ETag` in `If-Match`", "model": ErrorBody},
    413: {"description": "Body above the size limit", "model": ErrorBody},
    422: {"description": "Invalid input", "model": ValidationErrors},
    429: {"description": "Too many requests", "model": RateLimitBody},
    500: {"description": "Internal error", "model": ErrorBody},
    503: {
        "description": "The database is unavailable or overloaded; retry after `Retry-After` seconds",
        "model": ErrorBody,
    },
}


def documented(*statuses: int) -> Responses:
    """Return the documentation of these errors, and of those that every operation can answer."""
    return {status: DOCUMENTED[status] for status in sorted({*statuses, 422, 429, 500, 503})}


class ReadyResponse(Response):
    """A response whose headers are bytes already. Starlette would encode each of them."""

    def __init__(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.status_code, self.raw_headers, self.body, self.background = status, headers, body, None


class DocumentResponse(Response):
    """A response that sends a document in chunks and then closes it."""

    def __init__(self, document: SpooledJson) -> None:
        self.status_code, self.background, self._document = 200, None, document
        self.raw_headers = [
            (b"content-type", JSON.encode()),
            (b"content-length", b"%d" % document.length),
            (b"etag", document.etag.encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._document:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for chunk in self._document.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def json_response(request: Request, rendered: RenderedJson) -> Response:
    """Return 200 with the body, compressed if the client accepts it, or 304 if `If-None-Match` names its tag."""
    scope = request.scope
    encoder: Encoder | None = scope.get(ENCODER)
    coding = encoder.coding_of(len(rendered.body)) if encoder else None
    etag = etag_for_coding(rendered.etag, coding) if coding else rendered.etag
    headers = [(b"etag", etag.encode())]
    if rendered.hit is not None:
        headers.append((b"x-cache-hit", b"true" if rendered.hit else b"false"))
    is_known = _is_known(request, rendered.etag)
    body, lookup = rendered.body, scope[REQUEST_CONTEXT].cache_lookup
    # A 304 fills the cache as well. Otherwise clients that only revalidate would never be hits.
    if encoder and (lookup or not is_known):
        body = await encoder.encode(rendered, lookup)
    if is_known:
        return ReadyResponse(304, headers)
    return ReadyResponse(200, json_headers(body, coding) + headers, body)


def document_response(request: Request, document: SpooledJson) -> Response:
    """Return 200 with the document, or 304 as `json_response` does."""
    if not _is_known(request, document.etag):
        return DocumentResponse(document)
    with document:
        return ReadyResponse(304, [(b"etag", document.etag.encode())])


def _is_known(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match") if request.scope["method"] in ("GET", "HEAD") else None
    return known is not None and names_etag(known, etag)
