"""Routing: the application, the routes of entities, and the dictionary that finds them.

FastAPI documents the routes of entities but does not answer them: its router would try them one by one, behind a dozen
layers, and its dependency solver would cost several times the rest of a read.
"""

from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from controllers.http.access import Permission
from controllers.http.auditing import audited_request
from controllers.http.parameters import Parameters
from middleware.scope_keys import FAULT_ANSWERED, REQUEST_CONTEXT
from middleware.security_headers import PERSONAL, PUBLIC_REVALIDATED
from services.context.app_context import AppContext

ID = "{id_key}"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Application(FastAPI):
    """FastAPI behind our own layers. They answer most requests; FastAPI documents all, and answers plain routes."""

    app_context: AppContext
    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front(scope, receive, send)

    async def call_fastapi(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Exception:
            # Starlette raises an exception again that it has answered, for the server to log it a second time.
            if FAULT_ANSWERED not in scope:
                raise

    async def response_to(self, request: Request, error: Exception) -> Response:
        """Return the response of the error's handler; there is one for every class."""
        handlers: Any = self.exception_handlers
        handle = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        response: Response = await handle(request, error)
        return response


class EntityRoute(APIRoute):
    """Calls `endpoint` with the parameters of its signature: a key, a query, headers, a body, a context.

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


Found = tuple[EntityRoute | None, dict[str, str]]
"""The route of a request, and the parameters in its path."""


class PlainRouting(Protocol):
    """Answers requests for all other paths."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def claims(self, scope: Scope) -> bool:
        """Return True if a path such as `/products/word` is a plain route's."""


class Router:
    """Finds the routes of entities by method and path. Other paths, such as `/docs`, belong to plain FastAPI routes."""

    def __init__(
        self,
        application: Application,
        plain_router: Callable[[Application, Callable[[Scope], Found]], PlainRouting],
    ) -> None:
        self._application, self._plain = application, plain_router(application, self._find)
        self._methods: defaultdict[str, dict[str, EntityRoute]] = defaultdict(dict)
        routes = [route for route in application.routes if isinstance(route, EntityRoute)]
        self._literal_paths = {route.path for route in routes if route.is_literal}
        for route in routes:
            for method in route.methods or ():
                self._methods[method][route.path] = route
        self._methods["HEAD"] = self._methods["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, parameters = self._find(scope) if scope["type"] == "http" else (None, {})
        if route is None:
            await self._plain(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, parameters
        request = Request(scope, receive, send)
        try:
            response = await route.answer(request)
        except Exception as error:  # there is a handler for every class
            response = await self._application.response_to(request, error)
            if route.is_cached and response.status_code != 401:
                response.headers["X-Cache-Hit"] = "false"
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Found:
        """Find `/products`, `/products/5` or `/products/5/reviews`; `/products/` is the same address as `/products`."""
        path: str = scope["path"]
        if path.endswith("/"):
            path = scope["path"] = path.rstrip("/") or "/"
        routes = self._methods.get(scope["method"])
        if not routes:
            return None, {}
        if route := routes.get(path):
            return route, {}
        parts = path.split("/", 3)
        if len(parts) == 2:
            return None, {}
        id_key, parts[2] = parts[2], ID
        route = routes.get("/".join(parts))
        if route is None or (not id_key.isdecimal() and (path in self._literal_paths or self._plain.claims(scope))):
            return None, {}
        return route, {"id_key": id_key}
