"""Shared parts of one application; `main.py` builds it once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.settings import Settings
from infrastructure.payments.provider import PaymentProvider
from infrastructure.postgres.database import Database
from infrastructure.redis.client import Redis
from repositories.transaction import Transaction
from services.cache_service import CacheService
from services.caching.database_watch import DatabaseWatch
from services.system.refusals import Refusals
from services.transactions.in_doubt import InDoubtWrites


@dataclass(slots=True)
class AppContext:
    """`redis` is None without Redis. `limiter_redis` is the server of the limiter, if it has one of its own.

    `is_draining` is True from the signal to stop. `providers` are the configured payment providers. `after_refund` are
    called within the transaction that records the end of a refund, with the key of the return that it pays back.
    """

    settings: Settings
    database: Database
    redis: Redis | None
    cache: CacheService
    in_doubt: InDoubtWrites
    watch: DatabaseWatch
    refusals: Refusals
    limiter_redis: Redis | None = None
    providers: Mapping[str, PaymentProvider] = field(default_factory=dict)
    after_refund: list[Callable[[Transaction, int], None]] = field(default_factory=list)
    is_draining: bool = False

    @property
    def redis_clients(self) -> list[Redis]:
        return [client for client in (self.redis, self.limiter_redis) if client]
