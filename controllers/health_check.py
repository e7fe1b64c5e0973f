"""Health for people and monitors, probes for orchestrators, metrics for Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse, Response

from controllers.http.dependencies import PUBLIC, allow
from controllers.http.responses import JSON
from infrastructure.observability.metrics import CONTENT_TYPE, metrics
from schemas.base_schema import to_json
from schemas.system.health_schema import HealthSchema, ProbeSchema
from services.context.app_context import AppContext
from services.system.health_service import HealthService

Endpoint = Callable[[], Awaitable[Response]]
Decorator = Callable[[Endpoint], Endpoint]


HEALTH_TAG = {"name": "health", "description": "Whether the service works, for load balancers and monitoring."}


def add_health_checks(app: FastAPI, app_context: AppContext) -> None:
    service = HealthService(app_context)

    def get(path: str, summary: str, model: Any = None, error: int | None = None, **more: Any) -> Decorator:
        responses: Any = {error: {"model": model}} if error else {}
        add: Decorator = app.get(
            path,
            summary=summary,
            tags=[HEALTH_TAG["name"]],
            operation_id=path.strip("/").replace("/", "_"),
            response_model=model,
            responses=responses,
            dependencies=[Depends(allow(PUBLIC))],
            **more,
        )
        return add

    @get("/health_check", "Get the health", HealthSchema, 500)
    async def health_check() -> Response:
        """Return `degraded` with 200 if Redis is down, `unhealthy` with 500 if the database is down.

        Redis that is turned off (`REDIS_ENABLED=false`) is `disabled`, and the service is `healthy` without it.
        """
        health = await service.check()
        body = to_json(await service.report(health))
        return Response(body, 200 if health.has_database else 500, media_type=JSON)

    @get("/health_check/live", "Check liveness", ProbeSchema)
    async def live() -> Response:
        """Return 200 as long as the process can answer. Use it for restarts: it depends on no other server."""
        return Response(b'{"status":"live"}', media_type=JSON)

    @get("/health_check/ready", "Check readiness", ProbeSchema, 503)
    async def ready() -> Response:
        """Return 503 while starting, draining or without the database. Use it for routing."""
        if app_context.is_draining or not (await service.check()).has_database:
            return Response(b'{"status":"not ready"}', 503, {"Retry-After": "1"}, JSON)
        return Response(b'{"status":"ready"}', media_type=JSON)

    @get("/metrics", "Get metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Return Prometheus text, summed over all workers."""
        await service.check()
        return Response(await asyncio.to_thread(metrics.render), media_type=CONTENT_TYPE)
