"""Health of the service: database, Redis, pool and cache, for health checks and metrics."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import THREADS, metrics
from infrastructure.postgres.database import TRANSACTIONS
from repositories.system.health_repository import FIGURES, figures, low_stock
from services.context.app_context import AppContext

FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    has_database: bool
    database: dict[str, Any]


class HealthService:
    """Health checks over a connection of their own, so they answer while others hang. One check serves a second."""

    def __init__(self, app_context: AppContext) -> None:
        self._app_context = app_context
        self._checking: asyncio.Task[Health] | None = None
        self._checked_at = 0.0
        self._cache_totals = 0, 0
        self._counted_at = 0.0

    async def check(self) -> Health:
        """Return the health of the database. It needs no metrics, so a full disk takes no worker out of service."""
        now = time.monotonic()
        if self._checking is None or (self._checking.done() and now - self._checked_at > FRESH_SECONDS):
            self._checked_at = now
            self._checking = asyncio.create_task(self._check())
        return await asyncio.shield(self._checking)

    async def report(self, health: Health) -> dict[str, Any]:
        """Return the body of the health check for people and monitors."""
        redis = self._redis()
        limiter = self._limiter()
        hits, misses = await self._count_cached()
        rate = round(100 * hits / (hits + misses), 1) if hits + misses else 0.0
        return {
            "status": ("degraded" if "down" in (redis, limiter) else "healthy") if health.has_database else "unhealthy",
            "timestamp": datetime.now(UTC),
            "checks": {
                "database": health.database,
                "redis": {"status": redis},
                **({"limiter": {"status": limiter}} if limiter else {}),
                "db_pool": self.pool(),
                "cache": {"hits": hits, "misses": misses, "hit_rate_percent": rate},
            },
        }

    async def _count_cached(self) -> tuple[int, int]:
        if time.monotonic() - self._counted_at > FRESH_SECONDS:
            self._counted_at = time.monotonic()
            self._cache_totals = await asyncio.to_thread(metrics.cache_totals)
        return self._cache_totals

    def _redis(self) -> str:
        if self._app_context.redis is None:
            return "disabled"
        return "up" if self._app_context.cache.is_available else "down"

    def _limiter(self) -> str | None:
        """Return the status of the limiter's own Redis, or None if it has none."""
        client = self._app_context.limiter_redis
        if client is None:
            return None
        return "up" if client.is_up else "down"

    async def _check(self) -> Health:
        started = time.perf_counter()
        try:
            statement = low_stock(self._app_context.settings.low_stock_threshold)
            [(low,)] = await self._app_context.database.probe.fetch(*statement)
        except DatabaseUnavailableError:
            return Health(False, {"status": "down"})
        metrics.set_reading("low_stock_products", low)
        await self._read_figures()
        return Health(True, {"status": "up", "latency_ms": round(1000 * (time.perf_counter() - started), 2)})

    async def _read_figures(self) -> None:
        """Read figures for metrics. A failure here changes nothing about the health."""
        with suppress(DatabaseUnavailableError):
            [row] = await self._app_context.database.probe.fetch(*figures())
            for name, figure in zip(FIGURES, row, strict=True):
                metrics.set_reading(name, max(0.0, float(figure or 0)))

    def pool(self) -> dict[str, float]:
        """Return the connections of this worker's busiest pool: the one that its requests will wait for first."""
        pools = {name: usage for name, usage in self._app_context.database.pool_usage().items() if name != THREADS}
        busiest = max(pools, key=lambda name: pools[name][0] / pools[name][1])
        checked_out, capacity = pools[busiest]
        engine: Any = self._app_context.database.engine.pool if busiest == TRANSACTIONS else None
        return {
            "size": engine.size() if engine else capacity,
            "checked_in": engine.checkedin() if engine else capacity - checked_out,
            "checked_out": checked_out,
            "overflow": max(0, engine.overflow()) if engine else 0,
            "total_capacity": capacity,
            "utilization_percent": round(100 * checked_out / capacity, 1),
        }
