"""Shared parts of one application; `main.py` builds it once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.settings import Settings
from infrastructure.payments.provider import PaymentProvider
from infrastructure.postgres.database import Database
from infrastructure.redis.client import RedisClient
from repositories.transaction import Transaction
from services.cache_service import CacheService
from services.caching.database_watch import DatabaseWatch
from services.refusals import Refusals
from services.transactions.in_doubt import InDoubtWrites


@dataclass(slots=True)
class AppContext:
    """`redis` is None without Redis. `is_draining` is True from the signal to stop.

    `providers` are the configured payment providers. `after_refund` are called within the transaction that records the
    end of a refund, with the key of the return that it pays back.
    """

    settings: Settings
    database: Database
    redis: RedisClient | None
    cache: CacheService
    in_doubt: InDoubtWrites
    watch: DatabaseWatch
    refusals: Refusals
    providers: Mapping[str, PaymentProvider] = field(default_factory=dict)
    after_refund: list[Callable[[Transaction, int], None]] = field(default_factory=list)
    is_draining: bool = False
