"""PgBouncer with the defaults of its package in front of an embedded PostgreSQL."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.roles import Role
from tests.servers import ROLES, until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@contextmanager
def pgbouncer(
    target_port: int,
    mode: str = "transaction",
    *,
    roles: Iterable[Role] = ROLES,
    pool_size: int | None = None,
    settings: str = "",
) -> Iterator[int]:
    """Yield the port of a PgBouncer in `mode`.

    It has `pool_size` server connections for each database and role: 3 in transaction mode and 40 in others unless told
    otherwise. `settings` are further lines of its configuration. Skips the test if PgBouncer is not installed.
    """
    pool_size = pool_size or (3 if mode == "transaction" else 40)
    if not PROGRAM:
        pytest.skip("PgBouncer is not installed: apt-get install pgbouncer")
    port = free_port()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "users").write_text("".join(f'"{role.name}" "{role.password}"\n' for role in roles))
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={LOOPBACK} port={target_port} pool_size={pool_size}\n"
            f"[pgbouncer]\nlisten_addr = {LOOPBACK}\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder / 'users'}\npool_mode = {mode}\n{settings}\n"
        )
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)  # PgBouncer refuses to run as root and reads the files as another user
        as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
        with (folder / "log").open("wb") as log:
            pooler = subprocess.Popen([PROGRAM, *as_user, folder / "pgbouncer.ini"], stdout=log, stderr=log)
        try:
            until(lambda: pooler.poll() is not None or _accepts(port))
            assert pooler.poll() is None, (folder / "log").read_text()
            yield port
        finally:
            pooler.terminate()
            pooler.wait()


def _accepts(port: int) -> bool:
    socket.create_connection((LOOPBACK, port), 1).close()
    return True
