"""The FastAPI application behind our own layers."""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.scope_keys import FAULT_ANSWERED
from services.context.app_context import AppContext


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
