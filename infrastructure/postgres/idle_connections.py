"""Idle connections of a pool, without those to a lost server or, after a failover, to a standby."""

from time import monotonic

from infrastructure.postgres.connection import AsyncConnection

YOUNG_SECONDS = 1.0


class FailoverDetector:
    """Detector of failovers, one for each worker.

    A standby keeps its connections open, and connections that only read would never notice it. So a write that a
    standby refuses makes all earlier connections obsolete.
    """

    def __init__(self) -> None:
        self._recorded_at = 0.0

    def record(self) -> None:
        """Record that a standby has just refused a write."""
        self._recorded_at = monotonic()

    def is_obsolete(self, opened_at: float) -> bool:
        """Return True if a connection opened at this monotonic time may lead to a standby.

        A connection stays in use for its first second: while the address still leads to the standby, a new connection
        would be no better.
        """
        return opened_at <= self._recorded_at and monotonic() - opened_at >= YOUNG_SECONDS


class IdleConnections(list[AsyncConnection]):
    """Stack of idle connections: the one used last is taken first."""

    def __init__(self, failover: FailoverDetector) -> None:
        super().__init__()
        self._failover = failover

    def take(self) -> AsyncConnection | None:
        """Remove and return a connection that is neither obsolete nor orphaned. Close the others on the way."""
        while self:
            connection = self.pop()
            if not (connection.is_orphaned or self._failover.is_obsolete(connection.opened_at)):
                return connection
            connection.close()
        return None

    def take_open(self) -> AsyncConnection | None:
        """Remove and return a connection that the server is not known to have closed."""
        while connection := self.take():
            if not connection.is_lost:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        """Close and remove all connections."""
        while self:
            self.pop().close()
