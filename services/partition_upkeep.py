"""Partitions for coming keys, made ahead of need."""

import asyncio
import logging

from infrastructure.exceptions import UnavailableError
from infrastructure.observability.metrics import metrics
from repositories.partition_repository import ADD_PARTITIONS
from services.app_context import AppContext

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 600
"""The function leaves 10 million keys to go, so this is enough for 16,000 rows a second."""


async def keep_partitions_ahead(app: AppContext) -> None:
    """Check the partitions at the start and every INTERVAL_SECONDS, as a task of each worker."""
    while True:
        try:
            await add_partitions(app)
        except UnavailableError as error:
            logger.info("partitions are checked later: %s", error)
        except Exception:
            logger.exception("partitions could not be checked")
        await asyncio.sleep(INTERVAL_SECONDS)


async def add_partitions(app: AppContext) -> None:
    """Add the partitions that are needed soon, and report the keys that are left in the fullest table."""
    rows = await app.database.writes.write(*ADD_PARTITIONS)
    for table, keys_left, added in rows:
        if added:
            logger.info("added the partition %s: %s has %d keys to go", added, table, keys_left)
    if rows:
        metrics.set_reading("partition_keys_left", min(keys_left for _, keys_left, _ in rows))
