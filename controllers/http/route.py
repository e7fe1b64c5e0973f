"""Routes of all entities: documented by FastAPI, answered without its dependency machinery."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, request_response
from starlette.types import Scope

from controllers.http.access import Permission
from controllers.http.auditing import audited_request
from controllers.http.parameters import Parameters
from middleware.scope_keys import REQUEST_CONTEXT
from middleware.security_headers import PERSONAL, PUBLIC_REVALIDATED

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class EntityRoute(APIRoute):
    """Calls `endpoint` with the parameters of its signature: a key, a query, headers, a body, a context.

    FastAPI documents the signature. Its dependency solver would cost several times the rest of a read.
    The permission is checked before anything of the request is read.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        permission: Permission,
        max_body_bytes: int,
        is_audited: bool,
        is_cached: bool,
        **options: Any,
    ) -> None:
        self.permission, self.policy = permission, permission.policy
        self.is_audited, self.is_cached = is_audited, is_cached
        self._parameters = Parameters(endpoint, max_body_bytes)
        super().__init__(path, endpoint, **options)
        self.answer = self.get_route_handler()
        self.app = request_response(self.answer)

    @property
    def is_literal(self) -> bool:
        """True for `/things/word`: no method may read the word as a key, so `PUT /products/low_stock` is a 405."""
        return "{" not in self.path and self.path.count("/") > 1

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match nothing: our own router finds entities, and FastAPI's finds plain routes only."""
        return Match.NONE, {}

    def get_route_handler(self) -> Handler:
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        read_parameters, check = self._parameters.read, self.permission.check
        is_read, success = self.methods == {"GET"}, self.status_code or 200
        caching = ([PUBLIC_REVALIDATED] if self.policy.is_public else PERSONAL) if is_read else ()
        is_audited, template = self.is_audited and not is_read, self.path_format

        async def handle(request: Request) -> Response:
            scope = request.scope
            check(scope[REQUEST_CONTEXT].principal)
            if is_audited:
                audited = audited_request(request, template, success)
                scope[REQUEST_CONTEXT] = scope[REQUEST_CONTEXT]._replace(audited=audited)
            response = await endpoint(**await read_parameters(request))
            response.raw_headers.extend(caching)
            return response

        return handle
