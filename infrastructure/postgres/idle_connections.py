"""Connections between two uses, without those that lead to a lost server, or to a standby after a failover."""

from time import monotonic

from infrastructure.postgres.connection import AsyncConnection

YOUNG_SECONDS = 1.0


class FailoverDetector:
    """Of one worker. A standby keeps its connections for ever, and those that only read would never tell. So a write
    that it refuses ends all that were opened before.
    """

    def __init__(self) -> None:
        self._recorded_at = 0.0

    def record(self) -> None:
        self._recorded_at = monotonic()

    def is_obsolete(self, opened_at: float) -> bool:
        """A young connection is given time: while the address is still the standby's, another would be no better."""
        return opened_at <= self._recorded_at and monotonic() - opened_at >= YOUNG_SECONDS


class IdleConnections(list[AsyncConnection]):
    def __init__(self, failover: FailoverDetector) -> None:
        super().__init__()
        self._failover = failover

    def take(self) -> AsyncConnection | None:
        while self:
            connection = self.pop()
            if not self._failover.is_obsolete(connection.opened_at):
                return connection
            connection.close()
        return None

    def take_open(self) -> AsyncConnection | None:
        """One of which it is known, as far as can be known, that it still leads to the server."""
        while connection := self.take():
            if not connection.is_lost:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        while self:
            self.pop().close()
