"""Idle connections of a pool, without those to a lost server, to a former one, or that are too old."""

from infrastructure.postgres.availability.failover import FailoverDetector
from infrastructure.postgres.connection import AsyncConnection


class IdleConnections(list[AsyncConnection]):
    """Stack of idle connections: the one used last is taken first."""

    def __init__(self, failover: FailoverDetector) -> None:
        super().__init__()
        self._failover = failover

    def take(self) -> AsyncConnection | None:
        """Remove and return a connection that is neither obsolete nor orphaned. Close the others on the way."""
        while self:
            connection = self.pop()
            if not (connection.is_orphaned or self._failover.is_obsolete(connection.opened_at, connection.server)):
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
