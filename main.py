"""Puts the parts together: `create_fastapi_app()`, and `app` for servers; `python main.py` runs it for development."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from services.cache_service import CacheService

from config.database import Database
from config.metrics import metrics
from config.settings import Settings, load_settings
from controllers import CONTROLLERS
from controllers.documentation import add_documentation
from controllers.error_handlers import add_error_handlers
from controllers.health_check import add_health_checks
from middleware.request_context import RequestContext
from middleware.trailing_slash import TrailingSlash
from services.resources import Resources

DESCRIPTION = "Clients, products, orders, stock and bills. Stock is never oversold, and no retry buys twice."


def create_fastapi_app(settings: Settings | None = None) -> FastAPI:
    """An application of its own, with its own connections, which it makes when they are first needed."""
    settings = settings or load_settings()
    resources = Resources(settings, Database(settings), CacheService())
    app = FastAPI(
        title="E-commerce REST API",
        version="1.0.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
        max_body_size=settings.max_body_bytes,
        lifespan=lifespan,
    )
    app.state.resources = resources
    for controller in CONTROLLERS:
        controller(app, resources).register()
    add_health_checks(app, resources)
    add_documentation(app)
    add_error_handlers(app)
    app.add_middleware(TrailingSlash)
    app.add_middleware(RequestContext, access_log=settings.access_log)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Never fails because a server is away: a worker that cannot start would stop the whole service."""
    resources: Resources = app.state.resources
    metrics.start(resources.settings)
    yield
    metrics.stop()
    resources.database.close()


app = create_fastapi_app()

if __name__ == "__main__":
    from config.serving import serve_development

    serve_development()
