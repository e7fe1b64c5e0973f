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
        command = [*self._prefix(), str(self._programs / "pg_basebackup"), "-d", self._conninfo(), "-D", str(new)]
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        subprocess.run([*command, *options], check=True, capture_output=True)
        new.rename(self._data)

    def _conninfo(self) -> str:
        password = self._primary.password.replace(" ", "%20")
        return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{self._primary.port}"

    def pause(self) -> None:
        """Replay nothing until `resume`."""
        run(self, "SELECT pg_wal_replay_pause()")
        until(lambda: run(self, "SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        run(self, "SELECT pg_wal_replay_resume()")

    def delay(self, seconds: int) -> None:
        """Replay each commit this long after the primary has made it."""
        run(self, f"ALTER SYSTEM SET recovery_min_apply_delay = '{seconds}s'")
        run(self, "SELECT pg_reload_conf()")

    def catch_up(self) -> None:
        """Wait until everything that the primary has committed is replayed."""
        end = run(self._primary, "SELECT pg_current_wal_lsn()")
        until(lambda: run(self, f"SELECT pg_last_wal_replay_lsn() >= '{end}'"))

    def follow(self, primary: PostgresServer) -> None:
        """Replicate another primary from now on."""
        self._primary = primary
        run(self, f"ALTER SYSTEM SET primary_conninfo = '{self._conninfo()}'")
        run(self, "SELECT pg_reload_conf()")

    def disconnect(self) -> None:
        """Receive nothing more from the primary."""
        self.catch_up()
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
