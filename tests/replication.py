"""A streaming standby of PostgreSQL."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import SUPERUSER, PostgresServer
from tests.servers import PASSWORD, until


class Standby(PostgresServer):
    """Standby that is created as a copy of `primary` and follows it."""

    def __init__(self, primary: PostgresServer, folder: Path) -> None:
        super().__init__(folder, free_port(), PASSWORD, fast=True)
        self._primary = primary

    def _create_cluster(self) -> None:
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        source = f"host={LOOPBACK} port={self._primary.port} user={SUPERUSER} password='{self._primary.password}'"
        command = [*self._prefix(), str(self._programs / "pg_basebackup"), "-d", source, "-D", str(new)]
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        subprocess.run([*command, *options], check=True, capture_output=True)
        new.rename(self._data)

    def pause(self) -> None:
        """Replay nothing until `resume`."""
        run(self, "SELECT pg_wal_replay_pause()")
        until(lambda: run(self, "SELECT pg_get_wal_replay_pause_state()") == "paused")

    def disconnect(self) -> None:
        """Receive nothing more from the primary."""
        until(lambda: run(self._primary, "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = sent_lsn") == 1)
        run(self, "ALTER SYSTEM SET primary_conninfo = ''")
        run(self, "SELECT pg_reload_conf()")
        until(lambda: run(self, "SELECT count(*) FROM pg_stat_wal_receiver") == 0)

    def promote(self) -> None:
        assert run(self, "SELECT pg_promote()")


def run(server: PostgresServer, statement: str) -> Any:
    """Run a statement as superuser and return its first value."""
    with closing(server.connect("ecommerce_db")) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index] # each statement gives a row


@contextmanager
def standby_of(primary: PostgresServer, folder: Path) -> Iterator[Standby]:
    with Standby(primary, folder) as standby:
        yield standby
