"""Prometheus metrics, counted in plain Python and summed over all workers when they are read."""

import logging
import os
import secrets
import tempfile
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from config.settings import Settings
from infrastructure.observability.counters import Counters
from infrastructure.observability.file_descriptors import FileDescriptorWatch
from infrastructure.observability.log_targets import lost_lines
from infrastructure.observability.metrics_export import (
    BOUNDS,
    CONTENT_TYPE,
    LOST_LINES,
    POOL_ACTIVE,
    POOL_CAPACITY,
    REPLICA_LAG,
    REPLICA_USED,
    REPLICA_WORKERS,
    THREADS,
    format_exposition,
)
from infrastructure.observability.metrics_store import MetricTotals, WorkerFile, prepare_directory, read_all

__all__ = ["CONTENT_TYPE", "THREADS", "Metrics", "PoolUsage", "ReplicaUsage", "metrics", "prepare_metrics"]

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Bounds the memory of a process that never flushes. A worker answers far fewer requests between two flushes.
MAX_PENDING = 100_000

PoolUsage = Mapping[str, tuple[int, int]]
"""How much of each pool of the database is in use, and its maximum."""
ReplicaUsage = Mapping[str, tuple[bool, float]]
"""Whether reads use each replica, and its lag in seconds."""


class Metrics(Counters):
    """Counters and gauges of this worker.

    A thread adds up the requests every half second and writes the totals to the worker's file. So counting costs a
    request almost nothing, and a killed worker loses at most half a second of counts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_progress = 0
        self._inherited = MetricTotals()
        self._pending: deque[tuple[str, str, int, float]] = deque(maxlen=MAX_PENDING)
        # Takes (method, route, status, seconds). The route is a template such as "/products/{id_key}", never the path,
        # because each route is a series for ever. A bare `append`, because every request calls it.
        self.observe_request = self._pending.append
        self._pools: Callable[[], PoolUsage] = dict
        self._replicas: Callable[[], ReplicaUsage] = dict
        self._descriptors = FileDescriptorWatch(self.descriptors_exhausted)
        self._directory: Path | None = None
        self._file: WorkerFile | None = None
        self._is_shared = True
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._flusher: threading.Thread | None = None

    def set_reading(self, name: str, value: float) -> None:
        """Set a figure of `READINGS` that was read from the database."""
        self._totals.readings[name] = (time.time(), value)

    def watch_pools(self, read: Callable[[], PoolUsage]) -> None:
        """Read the gauges of the database's pools from `read`. Another thread calls it."""
        self._pools = read

    def watch_replicas(self, read: Callable[[], ReplicaUsage]) -> None:
        """Read the gauges of the replicas from `read`. Another thread calls it."""
        self._replicas = read

    def cache_totals(self) -> tuple[int, int]:
        """Return hits and misses of all workers, or of this one if the shared folder cannot be read.

        Blocks on files, so do not call it on the event loop.
        """
        counters = (self._of_all_workers() or self._of_this_worker()).counters
        return counters["cache_hits_total"], counters["cache_misses_total"]

    def render(self) -> bytes:
        """Render all series of all workers. Blocks on files, so do not call it on the event loop.

        Without a readable folder, the sums are unknown and have no samples: the figures of one worker after those of
        another would look like counters that restart with each reading.
        """
        return format_exposition(self._of_all_workers(), self._totals.readings)

    def start(self, settings: Settings) -> None:
        """Start the flushing thread and join the workers that share `prometheus_multiproc_dir`.

        A worker that cannot join tries again with each flush. Without that folder, `render` shows this worker only.
        """
        if self._flusher:
            return
        self._directory = settings.prometheus_multiproc_dir
        self.flush()
        self._stop.clear()
        self._flusher = threading.Thread(target=self._keep_flushing, name="metrics", daemon=True)
        self._flusher.start()

    def stop(self) -> None:
        """Write the last figures and leave the file to a successor."""
        if self._flusher:
            self._stop.set()
            self._flusher.join()
            self._flusher = None
        self.flush()
        self._directory = None
        if self._file:
            self._file.release()
            self._file = None
            self._totals, self._inherited = MetricTotals(), MetricTotals()

    def flush(self) -> None:
        """Add up the pending requests and write the totals to the worker's file."""
        with self._flushing:
            for _ in range(len(self._pending)):
                self._add_up(*self._pending.popleft())
            self._totals.gauges["http_requests_in_progress"] = self.in_progress
            for pool, (active, capacity) in self._pools().items():
                self._totals.gauges[f"{POOL_ACTIVE}{pool}"] = active
                self._totals.gauges[f"{POOL_CAPACITY}{pool}"] = capacity
            for replica, (is_used, lag_seconds) in self._replicas().items():
                self._totals.gauges[f"{REPLICA_WORKERS}{replica}"] = 1
                self._totals.gauges[f"{REPLICA_USED}{replica}"] = is_used
                self._totals.gauges[f"{REPLICA_LAG}{replica}"] = round(lag_seconds * 1000)
            for target, lines in list(lost_lines.items()):
                self._totals.counters[LOST_LINES[target]] = lines
            if self._directory:
                self._share(self._directory)

    def _share(self, directory: Path) -> None:
        """Write the totals to the worker's file. Join first, or again after somebody has removed the folder.

        When the disk is full, the totals stay in memory until a later flush.
        """
        try:
            if self._file and self._file.is_in_place():
                self._file.write(self._of_this_worker())
            else:
                if self._file:
                    self._file.release()
                    self._file = None
                self._file = WorkerFile(directory, self._of_this_worker())
                self._inherited.add(self._file.inherited)
        except OSError as error:
            if self._is_shared:
                logger.warning("/metrics is not up to date: %s", error)
            self._is_shared = False
        else:
            if not self._is_shared:
                logger.info("/metrics is up to date again")
            self._is_shared = True

    def _of_this_worker(self) -> MetricTotals:
        """Return the figures of this worker and of its predecessors, as a copy."""
        return MetricTotals().add(self._inherited).add(self._totals)

    def _add_up(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method if method in METHODS else "OTHER", route, status)
        cell = self._totals.requests.get(key)
        if cell is None:
            cell = self._totals.requests[key] = [0] * (len(BOUNDS) + 2)
        cell[bisect_left(BOUNDS, seconds)] += 1
        cell[-1] += seconds

    def _keep_flushing(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self._descriptors.check()
            self.flush()

    def _of_all_workers(self) -> MetricTotals | None:
        """Return the sum over all workers, or None if the shared folder cannot be read."""
        self.flush()
        if self._directory:
            try:
                return read_all(self._directory)
            except OSError:
                return None
        with self._flushing:
            return self._of_this_worker()


def prepare_metrics(settings: Settings) -> Path:
    """Prepare an empty folder and put its name into the environment that the workers inherit.

    The parent process calls it before it starts workers. Without a configured folder it makes a temporary one. If the
    disk is full, it returns the name, and the workers make the folder when they can.
    """
    directory = settings.prometheus_multiproc_dir or Path(_temporary_folder(), f"metrics-{secrets.token_hex(8)}")
    try:
        prepare_directory(directory)
    except OSError as error:
        logger.warning("/metrics is not available yet: %s", error)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    return directory


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # it tries to write a file
        return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 # the name in it is random


metrics = Metrics()
