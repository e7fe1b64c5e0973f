"""Reads found by one look into a table: the router would try its routes one by one, behind a dozen layers."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from controllers.routes import ReadRoute

ID = "{id_key}"
# Where Starlette's routes look for what turns an exception into an answer: by class, and by status.
HANDLERS = "starlette.exception_handlers"


class ReadTable:
    def __init__(self, app: ASGIApp, api: FastAPI) -> None:
        """`app` gets what is not in the table of `api`'s read routes."""
        self._app = app
        self._routes = {route.path: route for route in api.routes if isinstance(route, ReadRoute)}
        self._handlers: Any = (api.exception_handlers, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        route, parameters = self._find(scope["path"])
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["path_params"], scope[HANDLERS] = route, parameters, self._handlers
        await route.app(scope, receive, send)

    def _find(self, path: str) -> tuple[ReadRoute | None, dict[str, str]]:
        """`/products`, `/products/5` and `/products/5/reviews` are all the forms that there are."""
        if route := self._routes.get(path):
            return route, {}
        parts = path.split("/", 3)
        if len(parts) == 2:
            return None, {}
        id_key, parts[2] = parts[2], ID
        return self._routes.get("/".join(parts)), {"id_key": id_key}
