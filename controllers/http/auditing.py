"""Facts about a request for the audit log."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from middleware.request_context import route_of
from middleware.scope_keys import OWN_REQUEST_ID, REQUEST_CONTEXT
from services.context.request_context import AuditedRequest
from services.system.refusals import Kind, RefusedRequest


def audited_request(request: Request, template: str, status: int) -> AuditedRequest:
    """Return the facts about a request that writes; `status` is that of its success."""
    path = canonical_path(template, request.path_params)
    return AuditedRequest(*_request_ids(request), request.method, path, status)


def refused_request(request: Request, status: int) -> RefusedRequest:
    """Return the facts about a refusal. They contain the route's template, because a caller may invent paths."""
    principal = request.scope[REQUEST_CONTEXT].principal
    kind = Kind(principal.name, principal.client_id, request.method, route_of(request.scope), status)
    return RefusedRequest(kind, *_request_ids(request))


def canonical_path(template: str, parameters: Mapping[str, Any]) -> str:
    """Return the path with ids as the database has them: `/clients/1` for `/clients/0001`.

    Other parameters keep their names, because their values may be personal: `/newsletter/{email}`.
    """
    return template.format(**{name: _id_or_name(name, value) for name, value in parameters.items()})


def _id_or_name(name: str, value: Any) -> int | str:
    try:
        return int(value)
    except ValueError:
        return f"{{{name}}}"


def _request_ids(request: Request) -> tuple[str, str | None]:
    """Return our own request id, and the caller's or None."""
    request_id, own = request.scope[REQUEST_CONTEXT].request_id, request.scope.get(OWN_REQUEST_ID)
    return (own, request_id) if own else (request_id, None)
