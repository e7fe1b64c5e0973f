"""A streaming standby, and a path to a server that can lead elsewhere or lose all packets."""

import asyncio
import ctypes
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import SUPERUSER, PostgresServer
from tests.servers import PASSWORD, until

T = TypeVar("T")
SO_ATTACH_FILTER = 26  # Linux
NO_PACKET = struct.pack("HBBI", 6, 0, 0, 0)  # BPF: return 0, so that the kernel accepts nothing of any packet


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


class NetworkPath:
    """TCP path to a server on loopback. `target_port` counts for new connections."""

    def __init__(self, target_port: int) -> None:
        self.port, self.target_port = free_port(), target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network path")
        self._sockets = set[socket.socket]()
        self._relays = set[asyncio.Task[None]]()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lead_to(self, server: PostgresServer) -> None:
        """Lead to another server, and break the present connections."""
        self.target_port = server.port
        self._call(self._break)

    def cut(self) -> None:
        """Lose all further packets of the present connections. Neither end notices."""
        self._call(self._cut)

    def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        async def called() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _close(self) -> None:
        assert self._server
        self._server.close()
        await self._break()

    async def _break(self) -> None:
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    async def _cut(self) -> None:
        code = ctypes.create_string_buffer(NO_PACKET, len(NO_PACKET))
        for each in self._sockets:
            each.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(code)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._relays.add(task)
        writers = [writer]
        try:
            target_reader, target_writer = await asyncio.open_connection(LOOPBACK, self.target_port)
            writers.append(target_writer)
            sockets = {each.get_extra_info("socket") for each in writers}
            self._sockets |= sockets
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, target_writer))
                both.create_task(_copy(target_reader, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            """The connection has ended."""
        finally:
            self._relays.discard(task)
            self._sockets -= {each.get_extra_info("socket") for each in writers}
            for each in writers:
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError
