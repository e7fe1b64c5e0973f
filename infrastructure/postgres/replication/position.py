"""Positions in the WAL of a primary, and how long ago it was where a replica is now."""

from bisect import bisect_right
from collections import deque
from time import monotonic
from typing import NamedTuple

from infrastructure.postgres.availability.failover import IDENTITY
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.prepared_sql import ShortSql

SAMPLE_SECONDS = 0.5
MAX_SAMPLES = 1200
"""Samples for ten minutes of writes. A longer lag is shown as ten minutes."""

# Taken after a commit, the end of the WAL is behind the commit's record. It is cast because a NUMERIC becomes a float.
POSITION = ShortSql(f"""
    SELECT server.identity, (pg_current_wal_insert_lsn() - '0/0')::bigint, (SELECT identity FROM primary_server)
    FROM ({IDENTITY}) AS server (identity, pid)
""")  # noqa: S608 # constants
# The identity is that of the server which runs the statement, and not of one that the worker has seen before.
RECORD_IDENTITY = f"""
    INSERT INTO primary_server (identity) SELECT server.identity FROM ({IDENTITY}) AS server (identity, pid)
    ON CONFLICT (is_single) DO UPDATE SET identity = excluded.identity
    WHERE primary_server.identity <> excluded.identity
"""  # noqa: S608 # constants


class Position(NamedTuple):
    """End of the WAL of a primary, in bytes. Positions of different identities are not comparable."""

    identity: str
    lsn: int


async def current_position(primary: AsyncPool) -> Position:
    """Return a position that contains every transaction that has been committed before the call."""
    [(identity, lsn, _)] = await primary.fetch(POSITION, {})
    return Position(identity, lsn)


class PrimaryHistory:
    """Samples of the primary's position, from which the lag of replicas follows without clocks of other machines."""

    def __init__(self) -> None:
        self.identity: str | None = None
        """Identity of the primary at the last sample."""
        self._times = deque[float](maxlen=MAX_SAMPLES)
        self._ends = deque[int](maxlen=MAX_SAMPLES)

    def note(self, position: Position) -> None:
        """Add a sample. Another primary begins a new history."""
        if position.identity != self.identity:
            self.identity = position.identity
            self._times.clear()
            self._ends.clear()
        if not self._ends or position.lsn > self._ends[-1]:
            self._times.append(monotonic())
            self._ends.append(position.lsn)

    def lag_seconds(self, lsn: int) -> float:
        """Return the age of the oldest sample that a replica has not replayed yet; 0 if it has replayed all."""
        place = bisect_right(self._ends, lsn)
        return monotonic() - self._times[place] if place < len(self._times) else 0.0
