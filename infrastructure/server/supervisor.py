"""The parent of the worker processes. It starts, watches, replaces, recycles and stops them."""

import logging
import os
import signal
import socket
import sys
import time
from multiprocessing.connection import wait

from infrastructure.server.http_protocol import DeadlineConfig
from infrastructure.server.listener import close, refuse_connections
from infrastructure.server.worker import BEAT_SECONDS, FULL, LEAVING, STARTING, serve_requests
from infrastructure.server.worker_process import LOST, Worker

logger = logging.getLogger(__name__)

KILL_SECONDS = 4  # after TIMEOUT_GRACEFUL_SHUTDOWN, until a worker is killed; a stop takes up to a second before that
CLOSE_SECONDS = 0.5  # from the signal to the workers until the parent shuts the listening socket down
RETRY_SECONDS = 5  # until the next attempt, when a worker could not start but others serve


class Workers:
    """`count` workers that share one socket. Each is replaced when it dies, hangs, or has answered `max_requests`.

    A worker leaves for its number of requests only when its successor serves, one at a time, and at most once in
    `min_lifetime` seconds.
    """

    def __init__(
        self, config: DeadlineConfig, listener: socket.socket, *, count: int, max_requests: int, min_lifetime: float
    ) -> None:
        self._arguments = (config, listener, max_requests)
        self._listener, self._count, self._min_lifetime = listener, count, min_lifetime
        self._leave_seconds = (config.timeout_graceful_shutdown or 0) + KILL_SECONDS
        self.workers: list[Worker] = []
        self._leaver: Worker | None = None  # serves until its successor does
        self._signal: int | None = None
        self._is_stopping = self._has_failed = False
        self._start_at, self._recycle_at, self._close_at = 0.0, time.monotonic() + min_lifetime, 0.0

    def run(self) -> bool:
        """Serve until SIGINT or SIGTERM arrives. Return False if no worker can start."""
        wakeup, signals = socket.socketpair()
        wakeup.setblocking(False)
        signals.setblocking(False)
        signal.set_wakeup_fd(signals.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive_signal)
        # Python 3.11 does not pass `sys.path` to the process that imports `preload`: CPython's issue 117378.
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        while self.workers or not self._is_stopping:
            self._look(wakeup)
            if self._signal and not self._is_stopping:
                logger.info("Received %s, exiting.", signal.Signals(self._signal).name)
                self._stop()
            if not self._is_stopping:
                self._recycle()
                self._fill_up()
            elif time.monotonic() > self._close_at:
                close(self._listener)
        close(self._listener)
        signal.set_wakeup_fd(-1)
        wakeup.close()
        signals.close()
        return not self._has_failed

    def _receive_signal(self, number: int, _frame: object) -> None:
        self._signal = number

    def _look(self, wakeup: socket.socket) -> None:
        """Wait for a signal, a death or the next report, and treat the dead and the hung."""
        started = time.monotonic()
        if wakeup in wait([wakeup, *(worker.process.sentinel for worker in self.workers)], BEAT_SECONDS):
            wakeup.recv(1024)
        now = time.monotonic()
        for worker in list(self.workers):
            worker.listen(min(now - started, 2 * BEAT_SECONDS))
            if not worker.process.is_alive():
                self._remove(worker)
            elif worker.state == LEAVING and worker.stays:  # somebody sent it SIGTERM
                worker.leave(now + self._leave_seconds)
            elif worker.silence > worker.patience if worker.kill_at is None else now > worker.kill_at:
                logger.error("Worker %s hangs and is killed.", worker.process.pid)
                worker.process.kill()

    def _remove(self, worker: Worker) -> None:
        pid, code = worker.process.pid, worker.process.exitcode or 0
        self.workers.remove(worker)
        worker.close()
        if not worker.stays or self._signal:
            return
        logger.error("Worker %s died with exit code %s.", pid, code)
        if worker.state == STARTING and 0 < code < LOST:
            self._start_at = time.monotonic() + RETRY_SECONDS
            if all(other.state == STARTING for other in self.workers):
                logger.error("No worker can start, so the service stops.")
                self._has_failed = True
                self._stop()

    def _staying(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.stays and worker is not self._leaver]

    def _fill_up(self) -> None:
        if time.monotonic() >= self._start_at:
            for _ in range(self._count - len(self._staying())):
                self.workers.append(Worker(serve_requests, *self._arguments))

    def _recycle(self) -> None:
        """Choose a worker to leave, or let it leave when all others serve."""
        staying, now = self._staying(), time.monotonic()
        if len(staying) < self._count or any(worker.state == STARTING for worker in staying):
            return
        if self._leaver and self._leaver in self.workers and self._leaver.stays:
            logger.info("Worker %s leaves after its number of requests.", self._leaver.process.pid)
            self._leaver.leave(now + self._leave_seconds)
            self._recycle_at = now + self._min_lifetime
        full = [worker for worker in staying if worker.state == FULL]
        self._leaver = full[0] if full and now >= self._recycle_at else None

    def _stop(self) -> None:
        self._is_stopping = True
        kill_at = time.monotonic() + self._leave_seconds
        refuse_connections(self._listener)
        for worker in self.workers:
            worker.leave(kill_at)
        self._close_at = time.monotonic() + CLOSE_SECONDS
