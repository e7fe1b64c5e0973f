"""Health of the service: database, Redis, pool and cache, for health checks and metrics."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import metrics
from services.app_context import AppContext

FRESH_SECONDS = 1.0
_LOW_STOCK = "SELECT count(*) FROM products WHERE stock <= %(threshold)s"


@dataclass(frozen=True, slots=True)
class Health:
    has_database: bool
    body: dict[str, Any]


class HealthService:
    """Health checks over a connection of their own, so they answer while others hang. One check serves a second."""

    def __init__(self, app_context: AppContext) -> None:
        self._app_context = app_context
        self._asking: asyncio.Task[Health] | None = None
        self._asked_at = 0.0

    async def check(self) -> Health:
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked_at > FRESH_SECONDS):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Health:
        database, redis = await self._database(), self._app_context.cache.is_available
        up = database["status"] == "up"
        hits, misses = await asyncio.to_thread(metrics.cache_totals)
        rate = round(100 * hits / (hits + misses), 1) if hits + misses else 0.0
        return Health(
            up,
            {
                "status": ("healthy" if redis else "degraded") if up else "unhealthy",
                "timestamp": datetime.now(UTC),
                "checks": {
                    "database": database,
                    "redis": {"status": "up" if redis else "down"},
                    "db_pool": self.pool(),
                    "cache": {"hits": hits, "misses": misses, "hit_rate_percent": rate},
                },
            },
        )

    async def _database(self) -> dict[str, Any]:
        started = time.perf_counter()
        threshold = {"threshold": self._app_context.settings.low_stock_threshold}
        try:
            [(low,)] = await self._app_context.database.probe.fetch(_LOW_STOCK, threshold)
        except DatabaseUnavailableError:
            return {"status": "down"}
        metrics.set_low_stock(low)
        return {"status": "up", "latency_ms": round(1000 * (time.perf_counter() - started), 2)}

    def pool(self) -> dict[str, float]:
        """Return the connections of this worker's pool; `utilization_percent` relates to `total_capacity`."""
        pool: Any = self._app_context.database.engine.pool
        checked_out, capacity = self._app_context.database.pool_usage()
        return {
            "size": pool.size(),
            "checked_in": pool.checkedin(),
            "checked_out": checked_out,
            "overflow": max(0, pool.overflow()),
            "total_capacity": capacity,
            "utilization_percent": round(100 * checked_out / capacity, 1),
        }
