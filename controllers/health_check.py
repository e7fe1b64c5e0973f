"""Health for people and monitors, probes for orchestrators, metrics for Prometheus."""

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from config.metrics import CONTENT_TYPE, metrics
from controllers.answers import JSON
from schemas.base_schema import to_json
from schemas.health_schema import HealthSchema, ProbeSchema
from services.health_service import HealthService
from services.resources import Resources

HEALTH: dict[str, Any] = {"tags": ["health"]}


def add_health_checks(app: FastAPI, resources: Resources) -> None:
    service = HealthService(resources)

    @app.get(
        "/health_check",
        tags=["health"],
        summary="Health",
        response_model=HealthSchema,
        responses={500: {"model": HealthSchema}},
    )
    async def health_check() -> Response:
        """Redis down: 200 and `degraded`. Database down: 500 and `unhealthy`."""
        health = await service.check()
        return Response(to_json(health.body), 200 if health.has_database else 500, media_type=JSON)

    @app.get("/health_check/live", response_model=ProbeSchema, **HEALTH)
    async def live() -> Response:
        """200 while the process can answer at all. For restarts: it asks nothing of others."""
        return Response(b'{"status":"live"}', media_type=JSON)

    @app.get(
        "/health_check/ready",
        tags=["health"],
        summary="Ready",
        response_model=ProbeSchema,
        responses={503: {"model": ProbeSchema}},
    )
    async def ready() -> Response:
        """503 while starting, draining or without the database. For routing."""
        if resources.is_draining or not (await service.check()).has_database:
            return Response(b'{"status":"not ready"}', 503, {"Retry-After": "1"}, JSON)
        return Response(b'{"status":"ready"}', media_type=JSON)

    @app.get(
        "/metrics",
        tags=["health"],
        summary="Metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )
    async def prometheus() -> Response:
        """Prometheus text, summed over all workers."""
        await service.check()
        return Response(await asyncio.to_thread(metrics.render), media_type=CONTENT_TYPE)
