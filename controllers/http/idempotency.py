"""The `Idempotency-Key` header: the identity of repeated requests, and the responses that are stored for them."""

import hashlib
import json
from functools import partial
from typing import Annotated

from fastapi import Header
from starlette.requests import Request

from controllers.http.exception_handlers import STATUSES, error_body
from repositories.system.idempotency_repository import RequestKey, StoredResponse
from schemas.base_schema import BaseSchema, is_storable_key, to_json
from services.context.request_context import IdempotentRequest, RequestContext
from services.exceptions import NotFoundError, ServiceError
from services.rendering import ActionResult, Created

STORED_ERRORS = frozenset({400, 404, 409})
"""Refusals that the stored data decide. Invalid input and outages are not stored: the caller may try again.

A 404 for an id that no row can have is not stored either: it never changes, and the id may have thousands of digits.
"""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Repeats with the same key get the first response, for 24 hours.",
    ),
]


def idempotent_request(
    request: Request, context: RequestContext, key: str, new: BaseSchema, prefix: str
) -> IdempotentRequest:
    """Identify the request by its fields, whatever their order and spelling. `prefix` is that of the new object."""
    method, path = request.method, request.url.path
    fields = json.dumps(new.given(), default=lambda value: to_json(value).decode())  # integers of any length
    fingerprint = hashlib.sha256(f"{method} {path}\n{fields}".encode()).digest()
    principal = context.principal
    identity = RequestKey(principal.name, key, method, path, fingerprint, principal.client_id)
    return IdempotentRequest(identity, partial(stored_response, prefix))


def stored_response(prefix: str, outcome: Created | ActionResult | ServiceError) -> StoredResponse | None:
    if isinstance(outcome, Created) and not outcome.is_new:
        return StoredResponse(204, b"")
    if isinstance(outcome, Created):
        body = outcome.replay_body or outcome.body
        return StoredResponse(201, body, f"{prefix}/{outcome.id_key}", outcome.client_id)
    if isinstance(outcome, ActionResult):
        return StoredResponse(200, outcome.body, None, outcome.client_id)
    status = STATUSES[type(outcome)]
    if status not in STORED_ERRORS or (isinstance(outcome, NotFoundError) and not is_storable_key(outcome.id_key)):
        return None
    return StoredResponse(status, to_json(error_body(outcome)))
