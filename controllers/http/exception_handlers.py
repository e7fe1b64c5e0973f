"""Exceptions become responses here, and nowhere else."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from controllers.http.access import challenge
from controllers.http.auditing import refused_request
from controllers.http.responses import JSON
from infrastructure.exceptions import RETRY_AFTER_SECONDS, UNAVAILABLE, UnavailableError
from middleware.scope_keys import FAULT_ANSWERED
from schemas.base_schema import to_json
from schemas.errors.validation_errors import public_error
from services.context.app_context import AppContext
from services.exceptions import (
    ConflictError,
    ForbiddenError,
    GoneError,
    IdempotencyKeyReusedError,
    ImportRefusedError,
    InvalidError,
    NotAppliedError,
    NotFoundError,
    PreconditionFailedError,
    RejectedError,
    ServiceError,
    UnauthorizedError,
)
from services.transactions.error_translation import translate_error

STATUSES: Mapping[type[ServiceError], int] = {
    RejectedError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    GoneError: 410,
    PreconditionFailedError: 412,
    InvalidError: 422,
    NotAppliedError: 424,
    ImportRefusedError: 422,
    IdempotencyKeyReusedError: 422,
}

UNREADABLE_BODY = "There was an error parsing the body"
"""FastAPI's detail of a 400 for a body that is not UTF-8 or nested too deeply."""

logger = logging.getLogger(__name__)


def add_exception_handlers(app: FastAPI) -> None:
    app_context: AppContext = app.state.app_context
    headers_of_401 = {"WWW-Authenticate": challenge(app_context.settings)}

    async def refuse(request: Request, error: ServiceError) -> Response:
        status = STATUSES[type(error)]
        if status in (401, 403):
            app_context.refusals.add(refused_request(request, status))
        return error_response(status, error_body(error), headers_of_401 if status == 401 else None)

    async def explain(request: Request, error: DBAPIError) -> Response:
        """Explain an error in an endpoint's own session. Services explain theirs."""
        reason = translate_error(None, error, {})
        if isinstance(reason, ServiceError):
            return await refuse(request, reason)
        return await (_unavailable if isinstance(reason, UnavailableError) else _fault)(request, reason)

    app.exception_handler(ServiceError)(refuse)
    app.exception_handler(DBAPIError)(explain)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(UnavailableError)(_unavailable)

    app.exception_handler(PoolTimeoutError)(_unavailable)
    app.exception_handler(ClientDisconnect)(_disconnected)
    app.exception_handler(Exception)(_fault)


def error_body(error: ServiceError) -> dict[str, Any]:
    if isinstance(error, NotFoundError):
        return {"message": error.detail}
    if isinstance(error, InvalidError):
        return {"detail": [{"loc": ["body", *error.fields], "msg": error.detail, "type": "value_error"}]}
    if isinstance(error, IdempotencyKeyReusedError):
        return {"detail": [{"loc": ["header", "Idempotency-Key"], "msg": error.detail, "type": "value_error"}]}
    if isinstance(error, ImportRefusedError):
        return {"errors": error.errors}
    return {"detail": error.detail, **error.extra}


def error_response(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(body), status, headers, JSON)


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    return error_response(422, {"detail": [public_error(item) for item in error.errors()]})


async def _http_error(_: Request, error: HTTPException) -> Response:
    if error.detail == UNREADABLE_BODY:
        return error_response(422, {"detail": [{"loc": ["body"], "msg": "Invalid body", "type": "body_invalid"}]})
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers.setdefault("Allow", "GET, HEAD")  # files
    return error_response(error.status_code, {"detail": error.detail}, headers)


async def _unavailable(_: Request, error: Exception) -> Response:
    logger.debug("answered 503: %s", error)
    return error_response(503, {"detail": UNAVAILABLE}, {"Retry-After": RETRY_AFTER_SECONDS})


async def _disconnected(_: Request, __: ClientDisconnect) -> Response:
    """Return nginx's status for a client that left before its request was complete; only metrics and logs see it."""
    return Response(status_code=499)


async def _fault(request: Request, error: Exception) -> Response:
    logger.error("unhandled exception", exc_info=error)
    request.scope[FAULT_ANSWERED] = True
    return error_response(500, {"detail": "Internal server error"})
