"""SQL of the event log."""

from datetime import timedelta

from models.events.event import EventModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import Statement

BATCH = 10_000
"""Events that one statement publishes or removes at the most; stated in migration 0017."""


class EventRepository(BaseRepository[EventModel]):
    model = EventModel

    @staticmethod
    def publish(low_stock: int, *, waits: bool) -> Statement:
        """Return the statement that publishes events that are committed, up to a batch, and returns their number.

        One session publishes at a time. With `waits`, the statement waits for another one, and then sees what that one
        has published; otherwise it does nothing.
        """
        return Statement("SELECT publish_events(%(low_stock)s, %(waits)s)", {"low_stock": low_stock, "waits": waits})

    @staticmethod
    def remove_old(age: timedelta) -> Statement:
        """Return the statement that removes events of this age, up to a batch, and returns their number."""
        return Statement("SELECT remove_events(now() - cast(%(age)s AS interval))", {"age": age})

    @staticmethod
    def oldest() -> Statement:
        """Return the statement that reads the first key of the log, null if the log is empty."""
        return Statement("SELECT min(id_key) FROM events", {})
