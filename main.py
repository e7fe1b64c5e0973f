"""Composition of the application: `create_fastapi_app()`, and `app` for servers. `python main.py` runs one worker."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from config.logging_config import configure_logging
from config.settings import Settings, load_settings
from controllers import CONTROLLERS, ROUTERS
from controllers.health_check import HEALTH_TAG, add_health_checks
from controllers.http.dependencies import database_slot
from controllers.http.exception_handlers import add_exception_handlers
from controllers.http.plain.plain_router import PlainRouter
from controllers.http.router import Application, Router
from controllers.openapi.console_page import add_console
from controllers.openapi.docs_pages import add_documentation
from controllers.openapi.guide_page import add_guide
from controllers.openapi.start_page import add_start_page
from controllers.openapi.texts import INTRODUCTION
from controllers.system.demo_shop import add_demo_shop
from infrastructure.observability.log import stop_logging
from infrastructure.observability.metrics import metrics
from infrastructure.observability.tracing import NATIVE_TELEMETRY_OFF, start_telemetry, traces_are_on
from infrastructure.payments.providers import create_providers
from infrastructure.postgres.database import Database
from infrastructure.redis.factory import create_limiter_redis, create_redis
from infrastructure.server.development import is_development
from infrastructure.server.gc_tuning import settle_garbage_collection
from infrastructure.server.parent_watch import die_with_parent
from middleware.cached_responses import CachedResponses
from middleware.client_ip import ClientIpResolver
from middleware.compression import Encoders
from middleware.cors import constant_headers, cors_middleware
from middleware.fast_path import FastPath
from middleware.rate_limiter import RateLimiter
from middleware.read_routing import route_reads
from middleware.request_context import request_context
from middleware.root_path import below_root_path
from middleware.tracing import trace_requests
from services.auth.authenticator import Authenticator
from services.cache_service import CacheService
from services.caching.database_watch import DatabaseWatch
from services.caching.key_prefix import find_key_prefix
from services.context.app_context import AppContext
from services.fulfillment.return_refund_service import complete_refund
from services.system.periodic_work import keep_doing, periodic_work
from services.system.refusals import Refusals
from services.transactions.audit_upkeep import write_refusals
from services.transactions.in_doubt import InDoubtWrites
from services.webhooks.dispatcher import WebhookDispatcher


def create_fastapi_app(settings: Settings | None = None) -> FastAPI:
    """Return an independent application. It opens its connections when it first needs them."""
    settings = settings or load_settings()
    app = Application(
        title="E-commerce REST API",
        version="1.0.0",
        description=INTRODUCTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
        servers=[{"url": settings.root_path or "/"}],
        license_info={"name": "MIT", "identifier": "MIT"},
        telemetry=NATIVE_TELEMETRY_OFF,
        lifespan=lifespan,
        dependencies=[Depends(database_slot)],
        max_body_size=settings.max_body_bytes,
    )
    app.app_context = app.state.app_context = app_context = create_app_context(settings)
    app.openapi_tags = [controller.tag() for controller in CONTROLLERS] + [HEALTH_TAG]
    for controller in CONTROLLERS:
        controller(app, app_context).register()
    for router in ROUTERS:
        app.include_router(router)
    add_health_checks(app, app_context)
    add_documentation(app)
    add_start_page(app, settings)
    add_console(app, settings)
    add_guide(app)
    if is_development():
        add_demo_shop(app)
    add_exception_handlers(app)
    app.front = add_middleware(Router(app, PlainRouter), app_context)
    return app


def create_app_context(settings: Settings) -> AppContext:
    database = Database(settings)
    redis = create_redis(settings, lambda: find_key_prefix(settings, database))
    limiter_redis = create_limiter_redis(settings, lambda: find_key_prefix(settings, database))
    cache = CacheService(redis, settings.redis_cache_ttl)
    in_doubt = InDoubtWrites(database, redis, settings.db_statement_timeout)
    watch = DatabaseWatch(database, redis)
    providers = create_providers(settings)
    refusals = Refusals()
    return AppContext(
        settings, database, redis, cache, in_doubt, watch, refusals, limiter_redis, providers, [complete_refund]
    )


def add_middleware(app: ASGIApp, app_context: AppContext) -> ASGIApp:
    """Wrap the router, from the innermost to the outermost layer."""
    settings, limiter = app_context.settings, None
    if settings.rate_limit_enabled:
        limits = settings.rate_limit_calls, settings.rate_limit_period
        limiter = RateLimiter(app_context.limiter_redis or app_context.redis, *limits, workers=settings.uvicorn_workers)
    authenticator = Authenticator(app_context) if settings.auth_mode != "none" else None
    client_ips, responses = ClientIpResolver(settings.trusted_proxies), CachedResponses(app_context.cache)
    if app_context.database.replicas:
        app = route_reads(app, app_context, client_ips)
    encoders = Encoders(app_context.cache) if settings.compression else None
    app = FastPath(app, client_ips, limiter, responses, authenticator, encoders)
    app = request_context(
        app,
        constant_headers(settings.cors_origins, compresses=settings.compression),
        for_browsers=cors_middleware(app, settings.cors_origins),
        access_log=client_ips if settings.access_log else None,
    )
    if traces_are_on(settings):
        app = trace_requests(app)
    return below_root_path(app, settings.root_path) if settings.root_path else app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start and stop a worker. A server that is away is no error: one worker that cannot start stops the service."""
    app_context: AppContext = app.state.app_context
    configure_logging(app_context.settings)
    die_with_parent()
    metrics.start(app_context.settings)
    metrics.watch_pools(app_context.database.pool_usage)
    metrics.watch_replicas(app_context.database.replicas.usage)
    stop_telemetry = start_telemetry(app_context.settings, app_context.database.engine)
    report_draining(app_context)
    settle_garbage_collection()
    for redis in app_context.redis_clients:
        redis.start()
    await asyncio.gather(*(redis.wait_for_first_attempt() for redis in app_context.redis_clients))
    await app_context.watch.check_before_start()
    dispatcher = WebhookDispatcher(app_context)
    work = [keep_doing(one) for one in periodic_work(app_context, dispatcher)]
    if app_context.database.replicas:
        work.append(app_context.database.replicas.keep_checking())
    tasks = [asyncio.create_task(one) for one in work]
    yield
    for task in tasks:
        task.cancel()
    await dispatcher.stop()
    await write_refusals(app_context)
    await app_context.database.threads.finish()
    await app_context.in_doubt.hand_over()
    await asyncio.gather(*(redis.stop() for redis in app_context.redis_clients))
    for provider in app_context.providers.values():
        provider.close()
    app_context.database.close()
    stop_telemetry()
    metrics.stop()
    stop_logging()


def report_draining(app_context: AppContext) -> None:
    """Set `is_draining` as soon as the server is told to stop."""
    before: Any = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        app_context.is_draining = True
        if callable(before):
            before(number, frame)

    try:
        signal.signal(signal.SIGTERM, drain)
    except ValueError:
        """Not the main thread, as in tests, which stop the application without a signal."""


def __getattr__(name: str) -> FastAPI:
    """Make `app` when a server first asks for it. Importing this module for something else needs no application."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    app = globals()["app"] = create_fastapi_app()
    return app


if __name__ == "__main__":
    from infrastructure.server.launcher import serve_development

    serve_development()
