"""What operations may answer, for the documentation, and how a service's result becomes a response."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from schemas.error_schema import ErrorBody, NotFoundBody, RateLimitBody, RefusalBody, ValidationErrors
from services.base_service_impl import matches
from services.rendering import RenderedJson, StoredResponse

JSON = "application/json"
Responses = dict[int | str, dict[str, Any]]

DOCUMENTED: Responses = {
    304: {"description": "Not modified: `If-None-Match` names the current `ETag`"},
    400: {"description": "A rule of the shop says no", "model": RefusalBody},
    401: {"description": "Authentication required, or invalid credentials", "model": ErrorBody},
    403: {"description": "Not for this role", "model": ErrorBody},
    404: {"description": "The object, or one that it refers to, does not exist", "model": NotFoundBody},
    409: {"description": "What is stored says no", "model": ErrorBody},
    412: {"description": "The object has changed since the `ETag` in `If-Match`", "model": ErrorBody},
    413: {"description": "Body above the size limit", "model": ErrorBody},
    422: {"description": "Invalid input", "model": ValidationErrors},
    429: {"description": "Too many requests", "model": RateLimitBody},
    500: {"description": "A fault of ours", "model": ErrorBody},
    503: {
        "description": "The database is away or overloaded; try again after `Retry-After` seconds",
        "model": ErrorBody,
    },
}


def documented(*statuses: int) -> Responses:
    """The documentation of these error answers, and of those that every operation may give."""
    return {status: DOCUMENTED[status] for status in sorted({*statuses, 422, 429, 500, 503})}


def document_response(request: Request, document: RenderedJson) -> Response:
    headers = {"ETag": document.etag}
    if document.hit is not None:
        headers["X-Cache-Hit"] = "true" if document.hit else "false"
    known = request.headers.get("if-none-match") if request.method == "GET" else None
    if known is not None and matches(known, document.etag):
        return Response(status_code=304, headers=headers)
    return Response(document.body, media_type=JSON, headers=headers)


def answer_response(answer: StoredResponse) -> Response:
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    if answer.location:
        headers["Location"] = answer.location
    return Response(answer.body, answer.status, headers, JSON)
