"""Routing by one dictionary lookup. FastAPI's router would try the routes one by one, behind a dozen layers."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from controllers.http.route import EntityRoute
from middleware.scope_keys import FAULT_ANSWERED
from services.app_context import AppContext

ID = "{id_key}"

Routes = dict[str, EntityRoute]


class Application(FastAPI):
    """FastAPI behind our own layers. They answer most requests; FastAPI routes and documents the rest."""

    app_context: AppContext
    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front(scope, receive, send)

    async def call_fastapi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD with a route for GET, unless a route takes HEAD. The server leaves out the body."""
        asked = scope
        if scope.get("method") == "HEAD" and not any(route.matches(scope)[0] is Match.FULL for route in self.routes):
            scope = {**scope, "method": "GET"}
        try:
            await super().__call__(scope, receive, send)
        except Exception:
            # Starlette raises an exception again that it has answered, for the server to log it a second time.
            if FAULT_ANSWERED not in scope:
                raise
        finally:
            asked["route"] = scope.get("route")


class Router:
    """The routes of all entities by method and path."""

    def __init__(self, application: Application) -> None:
        """Index the routes of all entities. FastAPI answers other paths, such as `/docs`, and 404 and 405."""
        self._application = application
        self._methods: defaultdict[str, Routes] = defaultdict(dict)
        routes = [route for route in application.routes if isinstance(route, EntityRoute)]
        self._literal_paths = {route.path for route in routes if route.is_literal}
        for route in routes:
            for method in route.methods or ():
                self._methods[method][route.path] = route
        self._methods["HEAD"] = self._methods["GET"]
        self._handlers: Any = application.exception_handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, parameters = self._find(scope) if scope["type"] == "http" else (None, {})
        if route is None:
            await self._application.call_fastapi(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, parameters
        request = Request(scope, receive, send)
        try:
            response = await route.answer(request)
        except Exception as error:  # there is a handler for every class
            response = await self._refuse(request, route, error)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[EntityRoute | None, dict[str, str]]:
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
        if len(parts) == 2 or path in self._literal_paths:
            return None, {}
        id_key, parts[2] = parts[2], ID
        return routes.get("/".join(parts)), {"id_key": id_key}

    async def _refuse(self, request: Request, route: EntityRoute, error: Exception) -> Response:
        handle = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
        response: Response = await handle(request, error)
        if route.is_cached and response.status_code != 401:
            response.headers["X-Cache-Hit"] = "false"
        return response
