"""The server of one worker process, which reports its state to its parent."""

import asyncio
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from types import FrameType

from uvicorn import Server

from infrastructure.server.http_protocol import DeadlineConfig

BEAT_SECONDS = 0.5  # between two reports

STARTING, SERVING, FULL, LEAVING = b"starting", b"serving", b"full", b"leaving"


def serve_requests(config: DeadlineConfig, listener: socket.socket, max_requests: int, parent: Connection) -> None:
    """Run a worker until its parent stops it. Ctrl+C and a closed terminal reach all processes; the parent decides."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    server = WorkerServer(config, max_requests)
    threading.Thread(target=server.report, args=(parent,), name="report", daemon=True).start()
    server.run([listener])


class WorkerServer(Server):
    """Uvicorn's server that asks its parent for a successor after `max_requests` requests, 0 for never."""

    def __init__(self, config: DeadlineConfig, max_requests: int) -> None:
        super().__init__(config)
        self._max_requests = max_requests
        self._has_ticked = False

    def report(self, parent: Connection) -> None:
        """Send the state again and again, except while the event loop is blocked. Leave when no parent reads it.

        The parent is dead, or it has lost the process that workers are copied from, and starts others.
        """
        with suppress(OSError):
            while True:
                if self._has_ticked or not self.started or self.should_exit:
                    self._has_ticked = False
                    parent.send_bytes(self._state())
                time.sleep(BEAT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    def _state(self) -> bytes:
        if self.should_exit:
            return LEAVING
        if not self.started:
            return STARTING
        return FULL if 0 < self._max_requests <= self.server_state.total_requests else SERVING

    async def on_tick(self, counter: int) -> bool:
        self._has_ticked = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for connections that are accepted but not yet made, so that they are told of the shutdown as well."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)
