"""Schemas of the health checks."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class DatabaseHealth(BaseModel):
    status: Literal["up", "down"]
    latency_ms: float | None = Field(None, description="Absent when the database is down.", examples=[1.2])


class RedisHealth(BaseModel):
    status: Literal["up", "down", "disabled"] = Field(
        description="`disabled` if REDIS_ENABLED is false: the service is healthy without cache and rate limit."
    )


class PoolHealth(BaseModel):
    """The pool of database connections that is used most: for transactions, reads or writes."""

    size: int = Field(examples=[50])
    checked_in: int
    checked_out: int
    overflow: int
    total_capacity: int = Field(examples=[150])
    utilization_percent: float


class CacheHealth(BaseModel):
    hits: int
    misses: int
    hit_rate_percent: float


class Checks(BaseModel):
    database: DatabaseHealth
    redis: RedisHealth
    limiter: RedisHealth | None = Field(
        None, description="The limiter's own Redis. Absent without RATE_LIMIT_REDIS_URL."
    )
    db_pool: PoolHealth
    cache: CacheHealth


class HealthSchema(BaseModel):
    status: Literal["healthy", "degraded", "unhealthy"] = Field(
        description="`degraded` if Redis is down, `unhealthy` if the database is down."
    )
    timestamp: datetime
    checks: Checks


class ProbeSchema(BaseModel):
    status: str = Field(examples=["ready"])
