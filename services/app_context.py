"""Shared parts of one application; `main.py` builds it once."""

from dataclasses import dataclass

from config.settings import Settings
from infrastructure.postgres.database import Database
from infrastructure.redis.client import RedisClient
from services.cache_service import CacheService
from services.caching.database_watch import DatabaseWatch
from services.refusals import Refusals
from services.transactions.in_doubt import InDoubtWrites


@dataclass(slots=True)
class AppContext:
    """`redis` is None without Redis. `is_draining` is True from the signal to stop."""

    settings: Settings
    database: Database
    redis: RedisClient | None
    cache: CacheService
    in_doubt: InDoubtWrites
    watch: DatabaseWatch
    refusals: Refusals
    is_draining: bool = False
