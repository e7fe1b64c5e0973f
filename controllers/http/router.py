"""Routes found by one look into a table: the router would try them one by one, behind a dozen layers."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from controllers.http.route import EntityRoute

ID = "{id_key}"

Routes = dict[str, EntityRoute]


class Router:
    def __init__(self, app: ASGIApp, api: FastAPI) -> None:
        """`app` gets what is not in the table of `api`'s entities."""
        self._app = app
        self._methods: defaultdict[str, Routes] = defaultdict(dict)
        self._fixed = {route.path for route in api.routes if isinstance(route, EntityRoute) and route.is_fixed}
        for route in api.routes:
            if isinstance(route, EntityRoute):
                for method in route.methods or ():
                    self._methods[method][route.path] = route
        self._cached = {("GET", path) for path in api.state.app_context.cached_routes}
        self._handlers: Any = api.exception_handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        routes = self._methods.get(scope["method"]) if scope["type"] == "http" else None
        if routes and scope["path"] in self._fixed and scope["path"] not in routes:
            routes = None
        route, parameters = _find(routes, scope["path"]) if routes else (None, {})
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, parameters
        request = Request(scope, receive, send)
        try:
            response = await route.answer(request)
        except Exception as error:  # there is a handler for every class
            response = await self._refuse(request, error)
        await response(scope, receive, send)

    async def _refuse(self, request: Request, error: Exception) -> Response:
        handle = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
        response: Response = await handle(request, error)
        if (request.method, request.scope["route"].path) in self._cached and response.status_code != 401:
            response.headers["X-Cache-Hit"] = "false"
        return response


def _find(routes: Routes, path: str) -> tuple[EntityRoute | None, dict[str, str]]:
    """`/products`, `/products/5` and `/products/5/reviews` are all the forms that there are."""
    if route := routes.get(path):
        return route, {}
    parts = path.split("/", 3)
    if len(parts) == 2:
        return None, {}
    id_key, parts[2] = parts[2], ID
    return routes.get("/".join(parts)), {"id_key": id_key}
