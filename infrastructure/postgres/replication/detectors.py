"""The server behind each connection of a replica."""

from time import monotonic
from typing import Any, NoReturn

import psycopg
import psycopg2

from infrastructure.postgres.availability.failover import FailoverDetector, Server

STANDBY = """
    SELECT 'since ' || extract(epoch FROM pg_postmaster_start_time())::text, pg_backend_pid(),
        coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint
"""
"""Identity of a running server, and the end of the WAL that it has replayed."""


class CheckDetector(FailoverDetector):
    """Detector for the connection of the checks. It leads to any server."""

    def __init__(self) -> None:
        super().__init__()
        self.statement = STANDBY

    def _ask_otherwise(self, statement: str, error: psycopg2.Error | psycopg.Error) -> NoReturn:
        raise error

    def _noted(self, row: Any, backend_pid: int) -> Server:
        self.identity = row[0]
        return Server(row[0], is_pooled=False)


class ReadDetector(CheckDetector):
    """Detector for connections of reads. All lead to the server of the last check, with at least its position.

    So no read uses another server behind the same address, or one that has restarted and begun to replay again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._least_lsn = 0

    def accept(self, identity: str, lsn: int) -> None:
        """Accept connections to this server once it has replayed the position."""
        self.identity, self._least_lsn = identity, lsn

    def forget(self) -> None:
        """Give up all connections with their statements, and accept none until the next good check."""
        self.identity = None
        self.abort(monotonic())

    def _noted(self, row: Any, backend_pid: int) -> Server:
        identity, _, lsn = row
        if identity != self.identity or lsn < self._least_lsn:
            raise psycopg2.OperationalError("the address leads to another server, or to an earlier state of it")
        return Server(identity, is_pooled=False)
