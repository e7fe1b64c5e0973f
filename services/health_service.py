"""Health of the service: database, Redis, pool and cache, for health checks and metrics."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import THREADS, metrics
from infrastructure.postgres.database import TRANSACTIONS
from repositories.health_repository import readings
from services.app_context import AppContext

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
        hits, misses = await self._count_cached()
        rate = round(100 * hits / (hits + misses), 1) if hits + misses else 0.0
        return {
            "status": ("degraded" if redis == "down" else "healthy") if health.has_database else "unhealthy",
            "timestamp": datetime.now(UTC),
            "checks": {
                "database": health.database,
                "redis": {"status": redis},
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

    async def _check(self) -> Health:
        started = time.perf_counter()
        statement = readings(self._app_context.settings.low_stock_threshold)
        try:
            [(low, overdue)] = await self._app_context.database.probe.fetch(statement.sql, statement.parameters)
        except DatabaseUnavailableError:
            return Health(False, {"status": "down"})
        metrics.set_low_stock(low)
        metrics.set_overdue_payments(overdue)
        return Health(True, {"status": "up", "latency_ms": round(1000 * (time.perf_counter() - started), 2)})

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
