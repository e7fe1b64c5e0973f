"""What services work with; `main.py` puts it together once for each application."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.settings import Settings
from infrastructure.postgres.database import Database
from infrastructure.redis.client import RedisClient
from repositories.base_repository_impl import Changes
from services.cache_service import CacheNamespace, CacheService
from services.transactions.in_doubt import Doubts

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class AppContext:
    settings: Settings
    database: Database
    link: RedisClient | None
    cache: CacheService
    doubts: Doubts
    is_draining: bool = False
    cached: dict[str, CacheNamespace] = field(default_factory=dict)
    """The namespaces of cached tables, entered by their services."""

    @property
    def cached_routes(self) -> frozenset[str]:
        """The templates of the routes whose GET answers from the cache when it can."""
        return frozenset(route for namespace in self.cached.values() for route in namespace.routes)

    async def after_write(self, changes: Changes) -> None:
        """Before the answer of a write: nothing older than it may be read from now on."""
        await self.cache.drop(self._tokens(changes))
        self._warn_of_low_stock(changes.stock)

    def after_commit(self, changes: Changes) -> None:
        """The same for a transaction, which runs in a thread."""
        self.cache.drop_from_thread(self._tokens(changes))
        self._warn_of_low_stock(changes.stock)

    async def write_in_doubt(self, changes: Changes) -> None:
        """For a write whose answer was lost: it has happened, or will, or never."""
        tokens = self._tokens(changes)
        self.doubts.add(tokens)
        await self.cache.drop(tokens)

    def commit_in_doubt(self, changes: Changes) -> None:
        """The same for a transaction, which runs in a thread."""
        tokens = self._tokens(changes)
        self.doubts.add(tokens)
        self.cache.drop_from_thread(tokens)

    def _tokens(self, changes: Changes) -> list[str]:
        touched = changes.rows.keys() & self.cached.keys()
        return [token for table in touched for token in self.cached[table].tokens_of(changes.rows[table])]

    def _warn_of_low_stock(self, moved: Mapping[int, tuple[int, int]]) -> None:
        threshold = self.settings.low_stock_threshold
        for id_key, (before, after) in moved.items():
            if after <= threshold < before:
                logger.warning("low stock: product %d has %d left", id_key, after)
