"""Periodic work on the event log: publish committed events, and remove old ones."""

import asyncio
import logging
from datetime import timedelta

from config.settings import Settings
from infrastructure.exceptions import RefusedError, UnavailableError
from infrastructure.postgres.database import Database
from repositories.event_repository import BATCH, EventRepository
from repositories.queries.statement import Statement
from services.app_context import AppContext

logger = logging.getLogger(__name__)

PUBLISH_SECONDS = 1.0
REMOVE_SECONDS = 3600.0


async def keep_publishing(app: AppContext) -> None:
    """Publish events every second, as a task of each worker. Only one of all workers does so at a time."""
    database = app.database
    while True:
        try:
            await publish_events(database, app.settings)
        except (UnavailableError, RefusedError) as error:
            logger.debug("events are published later: %s", error)
        except Exception:
            logger.exception("events could not be published")
        await asyncio.sleep(PUBLISH_SECONDS)


async def keep_removing_old_events(app: AppContext) -> None:
    """Remove old events every hour, as a task of each worker. It starts at once, since a worker may live shorter."""
    database = app.database
    while True:
        try:
            await remove_old_events(database, app.settings)
        except (UnavailableError, RefusedError) as error:
            logger.info("old events are removed later: %s", error)
        except Exception:
            logger.exception("old events could not be removed")
        await asyncio.sleep(REMOVE_SECONDS)


async def publish_events(database: Database, settings: Settings) -> None:
    """Publish all committed events, unless another worker does."""
    await _repeat(database, EventRepository.publish(settings.low_stock_threshold, waits=False))


async def remove_old_events(database: Database, settings: Settings) -> None:
    await _repeat(database, EventRepository.remove_old(timedelta(days=settings.event_retention_days)))


async def _repeat(database: Database, statement: Statement) -> None:
    """Run a statement until it finds less than a batch."""
    full = True
    while full:
        [(rows,)] = await database.writes.write(*statement)
        full = rows >= BATCH
