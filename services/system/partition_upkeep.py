"""Partitions for coming keys, made ahead of need."""

import logging

from infrastructure.observability.metrics import metrics
from repositories.system.partition_repository import ADD_PARTITIONS
from services.context.app_context import AppContext

logger = logging.getLogger(__name__)


async def add_partitions(app: AppContext) -> None:
    """Add the partitions that are needed soon, and report the keys that are left in the fullest table."""
    rows = await app.database.writes.write(*ADD_PARTITIONS)
    for table, keys_left, added in rows:
        if added:
            logger.info("added the partition %s: %s has %d keys to go", added, table, keys_left)
    if rows:
        metrics.set_reading("partition_keys_left", min(keys_left for _, keys_left, _ in rows))
