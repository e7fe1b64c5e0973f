"""Log of the outages of Redis: one line when one begins, and one when it has ended."""

import logging

from infrastructure.observability.metrics import metrics

logger = logging.getLogger(__name__)


class OutageLog:
    """Log of one worker. Its clients share it: an outage lasts until all of them are up."""

    def __init__(self, subject: str = "Redis") -> None:
        """Build the log. Each line begins with the subject."""
        self._subject = subject
        self._away = set[object]()
        self._level = 0  # of the present outage
        self._has_prefix = False

    def add(self, client: object) -> None:
        """Expect this client to connect. The first line about a connection comes after all expected ones."""
        self._away.add(client)

    def note_prefix(self, prefix: str) -> None:
        if not self._has_prefix:
            self._has_prefix = True
            logger.info("all keys in %s begin with %s", self._subject, prefix)

    def note_away(self, client: object, reason: str, level: int = logging.WARNING) -> None:
        """Log an outage once, and again if it turns out to be a refusal (ERROR)."""
        self._away.add(client)
        if level <= self._level:
            return
        if not self._level:
            metrics.redis_outage()
        self._level = level
        text = "%s refuses this worker: %s" if level == logging.ERROR else "%s is away: %s"
        logger.log(level, text, self._subject, reason)

    def note_up(self, client: object, place: str, database: int) -> None:
        self._away.discard(client)
        if not self._away:
            self._level = 0
            logger.info("%s connected successfully: %s (DB: %d)", self._subject, place, database)
