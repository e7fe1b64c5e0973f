"""The routes of all entities: documented by FastAPI, and answered without its machinery."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, request_response
from starlette.types import Scope

from controllers.http.access import Policy
from controllers.http.parameters import Parameters
from middleware.security_headers import KEPT_AND_CHECKED, PERSONAL
from services.transactions.audit_log import WRITE, Write

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class EntityRoute(APIRoute):
    """Calls `endpoint` with what its signature names: the object's key, a query, headers, a body.

    FastAPI documents the signature; to solve it as dependencies would cost several times what the rest of a read does.
    Before anything of the request is read, it is asked whether the operation is for whoever asks.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, policy: Policy, max_body_bytes: int, **options: Any
    ) -> None:
        self.policy = policy
        self._parameters = Parameters(endpoint, max_body_bytes)
        super().__init__(path, endpoint, **options)
        self.answer = self.get_route_handler()
        self.app = request_response(self.answer)

    @property
    def is_fixed(self) -> bool:
        """`/things/word`: no method on it means the thing whose `id_key` is that word."""
        return "{" not in self.path and self.path.count("/") > 1

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Takes all methods of a fixed path, and so refuses them, where the router would look for a thing."""
        match, child_scope = super().matches(scope)
        return (Match.FULL if match is Match.PARTIAL and self.is_fixed else match), child_scope

    def get_route_handler(self) -> Handler:
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        read_arguments, check, success = self._parameters.read, self.policy.check, self.status_code or 200
        is_read = self.methods == {"GET"}
        caching = ([KEPT_AND_CHECKED] if self.policy.is_public else PERSONAL) if is_read else ()

        async def handle(request: Request) -> Response:
            check()
            if not is_read:
                WRITE.set(Write(request.method, request.scope["path"], success))
            response = await endpoint(**await read_arguments(request))
            response.raw_headers.extend(caching)
            return response

        return handle
