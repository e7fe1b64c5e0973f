"""Answers of plain FastAPI routes, within the limits of all others: policy, audit log, connections, cache."""

import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from fastapi.routing import RouteContext
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from controllers.http.auditing import audited_request
from controllers.http.dependencies import check_access
from controllers.http.plain.plain_routes import PlainRoutes, is_own_page, name_of, policies_of, uses_database
from controllers.http.router import Application, Found
from middleware.cors import SAFE_METHODS
from middleware.scope_keys import REQUEST_CONTEXT, REQUEST_WRITES, ROUTE
from services.context.request_context import RequestContext
from services.exceptions import ForbiddenError
from services.transactions.tracked_session import RequestWrites

logger = logging.getLogger(__name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class RouteError(Exception):
    """A plain route must not or cannot be served."""


class PlainRouter:
    def __init__(self, application: Application, find_entity: Callable[[Scope], Found]) -> None:
        """Build the router; `find_entity` returns the entity route of a request, and None for those that come here."""
        self._application, self._routes, self._find_entity = application, PlainRoutes(application), find_entity
        self._is_closed = application.app_context.settings.auth_mode != "none"
        self.claims = self._routes.claims

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
            return
        if scope["type"] == "lifespan":
            self._warn()
            if faults := "; ".join(self._faults()):
                await receive()
                await send({"type": "lifespan.startup.failed", "message": faults})  # the server logs this line
                raise RouteError(faults)
        await self._application.call_fastapi(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let FastAPI answer, within the same limits as other routes: policy, audit log, cache."""
        try:
            context, asked = self._admit(scope)
        except Exception as error:
            response = await self._application.response_to(Request(scope, receive), error)
            await response(scope, receive, send)
            return
        writes = asked[REQUEST_WRITES] = RequestWrites(
            self._application.app_context, self._audited(context, asked), uses_database=uses_database(context)
        )
        asked["state"] = {**asked.get("state", {}), "sessions": writes.session}

        async def send_after_invalidation(message: Message) -> None:
            await writes.invalidate()
            await send(message)

        try:
            await self._application.call_fastapi(asked, receive, send_after_invalidation)
        finally:
            await writes.close()

    def _admit(self, scope: Scope) -> tuple[RouteContext, Scope]:
        """Return the route of the request. Raise the refusal of a caller before anything of the request is read."""
        context, asked = self._routes.find(scope)
        if context is None:
            raise self._not_found(scope)
        scope[ROUTE] = asked[ROUTE] = (context.path_format or "").rstrip("/") or "/"
        principal, policies = scope[REQUEST_CONTEXT].principal, policies_of(context)
        if self._is_closed and not policies and not is_own_page(context):
            raise principal.failure or ForbiddenError("Not allowed")
        if not self._application.dependency_overrides:  # otherwise the dependencies check the principal of a test
            for policy in policies:
                check_access(policy, scope, principal)
        return context, asked

    def _audited(self, context: RouteContext, scope: Scope) -> RequestContext:
        request_context: RequestContext = scope[REQUEST_CONTEXT]
        if not self._application.app_context.settings.audits or scope["method"] in SAFE_METHODS:
            return request_context
        template, status = context.path_format or "", getattr(context, "status_code", None) or 200
        audited = audited_request(Request({**scope, **context.matches(scope)[1]}), template, status)
        scope[REQUEST_CONTEXT] = request_context._replace(audited=audited)
        return request_context._replace(audited=audited)

    def _not_found(self, scope: Scope) -> HTTPException:
        """Return the error for a path without a route: 405 if it has routes for other methods, otherwise 404."""
        routes: list[Any] = self._routes.with_path(scope)
        routes += [route for method in METHODS if (route := self._find_entity({**scope, "method": method})[0])]
        methods = {method for route in routes for method in route.methods or ()}
        if not methods:
            return HTTPException(404)
        scope[ROUTE] = routes[0].path_format
        methods |= {"HEAD"} if "GET" in methods else set()
        return HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})

    def _faults(self) -> list[str]:
        """Return the reasons why the service must not start."""
        faults = [
            f"{method} {context.path} is never reached: the service has it already"
            for context in self._routes
            for method in context.methods or ()
            if self._find_entity({"type": "http", "method": method, "path": context.path})[0]
        ]
        if self._is_closed:
            faults += [
                f"{name_of(context)} has no policy: add dependencies=[Depends(allow(PUBLIC | CLIENTS | ADMINS))]"
                for context in self._routes
                if not policies_of(context) and not is_own_page(context)
            ]
        return faults

    def _warn(self) -> None:
        for context in self._routes:
            if uses_database(context) and iscoroutinefunction(context.endpoint):
                logger.warning("%s blocks its worker during each statement: declare it with def", name_of(context))
