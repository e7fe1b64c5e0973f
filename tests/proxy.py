"""TCP proxy in a thread: it can speak TLS, delay or lose data, lead elsewhere, and refuse connections."""

import asyncio
import ctypes
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

from infrastructure.embedded.ports import LOOPBACK, free_port

T = TypeVar("T")
CHUNK = 65536
SO_ATTACH_FILTER = 26  # Linux
NO_PACKET = struct.pack("HBBI", 6, 0, 0, 0)  # BPF: return 0, so that the kernel accepts nothing of any packet


class Proxy:
    """A path to a server on loopback. `target_port` counts for new connections.

    `delay_seconds` holds back what the server sends.
    """

    def __init__(self, target_port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.delay_seconds = 0.0
        self.target_port, self._tls = target_port, tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._server: asyncio.Server | None = None
        self._relays = set[asyncio.Task[None]]()
        self._writers = set[asyncio.StreamWriter]()

    def __enter__(self) -> Self:
        self._thread.start()
        self.accept()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def accept(self) -> None:
        self._run(self._accept())

    def refuse(self) -> None:
        """Reset all connections, and refuse new ones until `accept`."""
        self._run(self._refuse())

    def lead_to(self, target_port: int) -> None:
        """Lead to another server, and break the present connections."""
        self.target_port = target_port
        self._run(self._break())

    def cut(self) -> None:
        """Lose all further packets of the present connections. Neither end notices."""
        self._run(self._cut())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _accept(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, ssl=self._tls)

    async def _refuse(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        await self._break()

    async def _break(self) -> None:
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    async def _cut(self) -> None:
        code = ctypes.create_string_buffer(NO_PACKET, len(NO_PACKET))
        program = struct.pack("HL", 1, ctypes.addressof(code))
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._relays.add(task)
        writers = [writer]
        try:
            target_reader, target_writer = await asyncio.open_connection(LOOPBACK, self.target_port)
            writers.append(target_writer)
            self._writers.update(writers)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, target_writer, delayed=False))
                both.create_task(self._copy(target_reader, writer, delayed=True))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            """The connection has ended."""
        finally:
            self._relays.discard(task)
            self._writers.difference_update(writers)
            for each in writers:
                each.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, delayed: bool) -> None:
        """Copy until one side closes, and then end both directions. Delayed data do not delay what follows them."""
        loop = asyncio.get_running_loop()
        while data := await reader.read(CHUNK):
            if delayed and self.delay_seconds:
                loop.call_later(self.delay_seconds, self._write, writer, data)
            else:
                self._write(writer, data)
        raise ConnectionResetError

    @staticmethod
    def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
        with suppress(OSError, RuntimeError):
            if not writer.transport.is_closing():
                writer.write(data)
