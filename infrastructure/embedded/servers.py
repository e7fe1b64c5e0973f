"""Embedded PostgreSQL and Valkey: configuration, command line and readiness check, each in its own folder."""

import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress

import psycopg2
from psycopg2 import sql

from infrastructure.embedded.binaries import (
    parent_death_prefix,
    postgres_folder,
    postgres_major,
    runnable_programs,
    unprivileged_prefix,
    valkey_program,
)
from infrastructure.embedded.ports import LOOPBACK
from infrastructure.embedded.process import EmbeddedServer, command_line, read_pid
from infrastructure.postgres.roles import Role, prepare_roles

SUPERUSER = "postgres"

PRIVATE_LOG = {
    "log_error_verbosity": "terse",  # no DETAIL and no CONTEXT: they quote the values of rows and of other statements
    "log_min_error_statement": "panic",  # a failed statement contains its values
    "log_statement": "none",
    "log_duration": "off",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Settings that keep values of rows out of PostgreSQL's log. Those of the compose files are the same."""


class PostgresServer(EmbeddedServer):
    """PostgreSQL with its data in `folder`/data."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # a "fast" shutdown, which does not wait for clients
    is_new = False  # whether this start created the cluster

    def _prepare(self) -> None:
        self._data = self.folder / "data"
        self._programs = runnable_programs(postgres_folder(), unprivileged_prefix(self._data))
        if not self._data.exists():
            self._create_cluster()
        lock = self._data / "postmaster.pid"
        if (command := command_line(read_pid(lock))) and not self.is_named_in(command):
            lock.unlink()  # another program now has the process id of the crashed server, so PostgreSQL would not start

    def _create_cluster(self) -> None:
        """Create the cluster under another name first, so that an interrupted one is never used."""
        new, password_file = self.folder / "data.new", self.folder / "password.new"
        shutil.rmtree(new, ignore_errors=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        initdb = str(self._programs / "initdb")
        command = [*self._prefix(), initdb, "-D", str(new), "-U", SUPERUSER, "--encoding=UTF8"]
        command += _locale(postgres_major(self._programs))
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        command += ["--no-sync"] * self.fast
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 # the wheel's initdb
        password_file.unlink()
        if done.returncode:
            sys.exit(f"initdb could not create a PostgreSQL cluster in {self.folder}:\n{done.stderr}")
        new.rename(self._data)
        self.is_new = True

    def _prefix(self) -> list[str]:
        return [*unprivileged_prefix(self._data), *parent_death_prefix(self.stop_signal)]

    def _command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": "700",
            "shared_buffers": "256MB",
            "shared_preload_libraries": "pg_stat_statements",
            "random_page_cost": "1.1",  # of solid-state disks, as in production
            # Plans made while a table was nearly empty read all of it. New statistics replace them.
            "autovacuum_naptime": "10s",
            **PRIVATE_LOG,
        }
        if self.fast:
            options |= {"fsync": "off", "full_page_writes": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*self._prefix(), str(self._programs / "postgres"), "-D", str(self._data), *settings]

    def connect(self, database: str = "postgres") -> "psycopg2.extensions.connection":
        """Connect as superuser."""
        return psycopg2.connect(
            host=LOOPBACK, port=self.port, user=SUPERUSER, password=self.password, dbname=database, connect_timeout=5
        )

    def _accepts_connections(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            with suppress(psycopg2.errors.DuplicateDatabase):
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def prepare_database(self, name: str, owner: Role, service: Role) -> None:
        """Prepare the two roles and give them an existing database. The owner may skip foreign key checks (demo)."""
        with closing(self.connect(name)) as connection:
            prepare_roles(connection, owner, service)
            if connection.info.server_version >= 150000:
                grant = sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}")
                with connection.cursor() as cursor:
                    cursor.execute(grant.format(sql.Identifier(owner.name)))


def _locale(major: int) -> list[str]:
    """Return initdb's options for the locale: from version 17 on, PostgreSQL's builtin provider.

    With it no update of the system's libraries changes an index, and case-insensitive searches take two thirds of the
    time.
    """
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    return [f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'en_US.UTF-8'}", *builtin]


class ValkeyServer(EmbeddedServer):
    """Valkey without persistence. It holds a cache and counters, and a cache from before a restart could be stale."""

    name = "Valkey"
    stop_signal = signal.SIGTERM

    def _prepare(self) -> None:
        self._config = self.folder / "valkey.conf"
        self._config.touch(mode=0o600)  # it holds the password, which `ps` would show on a command line
        self._config.write_text(
            f"bind {LOOPBACK}\nport {self.port}\nrequirepass {self.password}\nset-proc-title no\n"
            'save ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n'
        )

    def _command(self) -> list[str]:
        return [*parent_death_prefix(self.stop_signal), str(valkey_program()), str(self._config)]

    def _accepts_connections(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=5) as connection:
                connection.sendall(f"AUTH {self.password}\r\n".encode())
                return connection.recv(64) == b"+OK\r\n"
        except OSError:
            return False
