"""Puts the parts together: `create_fastapi_app()`, and `app` for servers; `python main.py` runs it for development."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from config.logging_config import configure_logging, stop_logging
from config.settings import Settings, load_settings
from controllers import CONTROLLERS
from controllers.health_check import add_health_checks
from controllers.http.exception_handlers import FAULT_ANSWERED, add_error_handlers
from controllers.http.router import Router
from controllers.openapi.docs_pages import add_documentation
from infrastructure.observability.metrics import metrics
from infrastructure.observability.tracing import NATIVE_TELEMETRY_OFF, start_telemetry, traces_are_on
from infrastructure.postgres.database import Database
from infrastructure.redis.client import RedisClient
from infrastructure.server.gc_tuning import settle_garbage_collection
from infrastructure.server.parent_watch import die_with_parent
from middleware.cached_responses import CachedResponses
from middleware.client_ip import ClientIpResolver
from middleware.cors import constant_headers, cors_middleware
from middleware.fast_path import FastPath
from middleware.rate_limiter import RateLimiter
from middleware.request_context import request_context
from middleware.tracing import trace_requests
from middleware.trailing_slash import TrailingSlash
from services.app_context import AppContext
from services.auth.authenticator import Authenticator
from services.cache_service import CacheService
from services.transactions.idempotency import keep_removing_expired_keys
from services.transactions.in_doubt import Doubts

DESCRIPTION = "Clients, products, orders, stock and bills. Stock is never oversold, and no retry buys twice."


class Application(FastAPI):
    """FastAPI behind layers of our own: what they answer passes none of the framework's, and all it answers, theirs."""

    app_context: AppContext
    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front(scope, receive, send)

    async def routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Exception:
            # The framework raises what it has answered once more, for the server to log it once more.
            if FAULT_ANSWERED not in scope:
                raise


def create_fastapi_app(settings: Settings | None = None) -> FastAPI:
    """An application of its own, with its own connections, which it makes when they are first needed."""
    settings = settings or load_settings()
    app = Application(
        title="E-commerce REST API",
        version="1.0.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
        telemetry=NATIVE_TELEMETRY_OFF,
        lifespan=lifespan,
    )
    address = settings.redis_address()
    link = RedisClient(address) if address else None
    database, cache = Database(settings), CacheService(link, settings.redis_cache_ttl)
    doubts = Doubts(database, cache, settings.db_statement_timeout)
    app_context = AppContext(settings, database, link, cache, doubts)
    app.app_context = app.state.app_context = app_context
    for controller in CONTROLLERS:
        controller(app, app_context).register()
    add_health_checks(app, app_context)
    add_documentation(app)
    add_error_handlers(app)
    app.front = layers(Router(app.routed, app), settings, app_context)
    return app


def layers(app: ASGIApp, settings: Settings, app_context: AppContext) -> ASGIApp:
    """What stands in front of the router, from the inside to the outside."""
    limiter = None
    if app_context.link and settings.rate_limit_enabled:
        limiter = RateLimiter(app_context.link, settings.rate_limit_calls, settings.rate_limit_period)
    reader = CachedResponses(app_context.cache, app_context.cached.values())
    authentication = Authenticator(app_context) if settings.auth_mode != "none" else None
    app = FastPath(TrailingSlash(app), ClientIpResolver(settings.trusted_networks), limiter, reader, authentication)
    app = cors_middleware(app, settings.cors_origins)
    app = request_context(app, constant_headers(settings.cors_origins), access_log=settings.access_log)
    return trace_requests(app) if traces_are_on(settings) else app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Never fails because a server is away: a worker that cannot start would stop the whole service."""
    app_context: AppContext = app.state.app_context
    configure_logging(app_context.settings)
    die_with_parent()
    metrics.start(app_context.settings)
    metrics.watch_pool(app_context.database.pool_usage)
    stop_telemetry = start_telemetry(app_context.settings, app_context.database.engine)
    if app_context.link:
        app_context.link.start()
    note_draining(app_context)
    chores = keep_removing_expired_keys(app_context), app_context.doubts.keep_dropping()
    tasks = [asyncio.create_task(chore) for chore in chores]
    settle_garbage_collection()
    yield
    for task in tasks:
        task.cancel()
    if app_context.link:
        await app_context.link.stop()
    app_context.database.close()
    stop_telemetry()
    metrics.stop()
    stop_logging()


def note_draining(app_context: AppContext) -> None:
    """Report "not ready" from the moment when the server is told to stop."""
    before: Any = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        app_context.is_draining = True
        if callable(before):
            before(number, frame)

    try:
        signal.signal(signal.SIGTERM, drain)
    except ValueError:
        """Not the main thread, as in tests: nobody tells it to stop by a signal."""


if __name__ == "__main__":
    from infrastructure.server.launcher import serve_development

    serve_development()
elif __name__ != "__mp_main__":  # under that name a worker of `python main.py` has its launcher's copy, and needs none
    app = create_fastapi_app()
