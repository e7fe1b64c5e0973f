"""Periodic work on the event log: publish committed events, and remove old ones."""

from datetime import timedelta

from config.settings import Settings
from infrastructure.postgres.database import Database
from repositories.events.event_repository import BATCH, EventRepository
from repositories.statements.statement import Statement


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
