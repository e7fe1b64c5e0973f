"""Routing by one dictionary lookup. FastAPI's router would try the routes one by one, behind a dozen layers."""

from collections import defaultdict

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from controllers.http.application import Application
from controllers.http.plain.plain_router import PlainRouter
from controllers.http.route import EntityRoute

ID = "{id_key}"

Routes = dict[str, EntityRoute]


class Router:
    """The routes of all entities by method and path, and plain FastAPI routes for other paths, such as `/docs`."""

    def __init__(self, application: Application) -> None:
        self._application, self._plain = application, PlainRouter(application, self._find)
        self._methods: defaultdict[str, Routes] = defaultdict(dict)
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
        if len(parts) == 2:
            return None, {}
        id_key, parts[2] = parts[2], ID
        route = routes.get("/".join(parts))
        if route is None or (not id_key.isdecimal() and (path in self._literal_paths or self._plain.claims(scope))):
            return None, {}
        return route, {"id_key": id_key}
