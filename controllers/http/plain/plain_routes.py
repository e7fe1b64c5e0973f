"""Plain FastAPI routes: all that are added to the application and are no `EntityRoute`."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import Match
from starlette.types import Scope

from config.database import get_db
from controllers.http.access import Policy
from controllers.http.dependencies import Allow, Guarded, unit_of_work
from controllers.http.router import EntityRoute

OWN_PAGES = frozenset({"/", "/console", "/docs", "/guide", "/redoc", "/openapi.json", "/static"})
"""Documentation, the guide and the console's files, which are open to everybody."""
USE_DATABASE = frozenset({get_db, unit_of_work})


class PlainRoutes:
    """Routes of an application in the order of their addition, those of included routers under their full paths.

    They are read at each request, because an included router may get routes at any time.
    """

    def __init__(self, application: FastAPI) -> None:
        self._application = application

    def __iter__(self) -> Iterator[RouteContext]:
        return iter_route_contexts([one for one in self._application.routes if not isinstance(one, EntityRoute)])

    def find(self, scope: Scope) -> tuple[RouteContext | None, Scope]:
        """Return the route of a request, and the scope with the route's own spelling of the path.

        `/report` and `/report/` are the same address. A route for GET answers HEAD unless a route takes HEAD; the
        server leaves out the body.
        """
        for asked in _spellings(scope):
            for context in self:
                if context.matches(asked)[0] is Match.FULL:
                    return context, asked
        return None, scope

    def with_path(self, scope: Scope) -> list[RouteContext]:
        """Return the routes with the path of the request, whatever their methods are."""
        return [
            context for asked in _spellings(scope) for context in self if context.matches(asked)[0] is not Match.NONE
        ]

    def claims(self, scope: Scope) -> bool:
        """Return True if a path such as `/products/export` is a route's, and `export` no id.

        A literal path is claimed for all methods, so a wrong one is a 405.
        """
        return self.find(scope)[0] is not None or any("{" not in str(one.path) for one in self.with_path(scope))


def _spellings(scope: Scope) -> Iterator[Scope]:
    for method in ("HEAD", "GET") if scope["method"] == "HEAD" else (scope["method"],):
        for path in dict.fromkeys((scope["path"], f"{scope['path'].rstrip('/')}/")):
            yield {**scope, "method": method, "path": path}


def policies_of(context: RouteContext) -> list[Policy]:
    """Return the policies that a caller has to meet. A route without one is closed."""
    if isinstance(context.original_route, APIRoute):
        return [call.policy for call in calls_of(context) if isinstance(call, Allow)]
    app = getattr(context, "app", None)
    return [app.policy] if isinstance(app, Guarded) else []


def is_own_page(context: RouteContext) -> bool:
    return context.path in OWN_PAGES and not isinstance(context.original_route, APIRoute)


def uses_database(context: RouteContext) -> bool:
    return isinstance(context.original_route, APIRoute) and not USE_DATABASE.isdisjoint(calls_of(context))


def calls_of(context: RouteContext) -> list[Any]:
    """Return the functions of all dependencies of a route."""
    pending: list[Dependant] = list(context.dependant.dependencies)
    for dependant in pending:
        pending += dependant.dependencies
    return [dependant.call for dependant in pending]


def name_of(context: RouteContext) -> str:
    return f"{' '.join(sorted(context.methods or ())) or 'ANY'} {context.path}"
