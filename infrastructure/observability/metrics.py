"""Prometheus metrics: counted in plain Python, summed over all workers when they are read."""

import logging
import os
import tempfile
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.settings import Settings
from infrastructure.observability.metrics_export import BOUNDS, CONTENT_TYPE, format_exposition
from infrastructure.observability.metrics_store import MetricTotals, WorkerFile, prepare_directory

__all__ = ["CONTENT_TYPE", "Metrics", "metrics", "prepare_metrics"]

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Far above what a worker answers between two flushes; it bounds the memory of a process that never flushes.
MAX_PENDING = 100_000


class Metrics:
    """What this worker counts.

    Every half second a thread adds up the requests and writes the totals to the worker's file: a worker that is killed
    takes no more than that with it, and no request pays for it."""

    def __init__(self) -> None:
        self.in_progress = 0
        self._totals = MetricTotals()
        self._pending: deque[tuple[str, str, int, float]] = deque(maxlen=MAX_PENDING)
        # Takes (method, route, status, seconds). The route is a template, "/products/{id_key}", never the path: each
        # new one is a series for ever. Bare `append`, because this is the one step that every request takes.
        self.observe_request = self._pending.append
        self._pool: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._file: WorkerFile | None = None
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._flusher: threading.Thread | None = None

    def cache_hit(self) -> None:
        self._totals.counters["cache_hits_total"] += 1

    def cache_miss(self) -> None:
        self._totals.counters["cache_misses_total"] += 1

    def rate_limit_rejected(self) -> None:
        self._totals.counters["rate_limit_rejected_total"] += 1

    def rate_limit_unavailable(self) -> None:
        self._totals.counters["rate_limit_unavailable_total"] += 1

    def transaction_retried(self) -> None:
        self._totals.counters["db_transaction_retries_total"] += 1

    def set_low_stock(self, products: int) -> None:
        self._totals.low_stock = (time.time(), products)

    def watch_pool(self, read: Callable[[], tuple[int, int]]) -> None:
        """`read` gives the connections in use and the most there can be; a thread calls it."""
        self._pool = read

    def cache_totals(self) -> tuple[int, int]:
        """Hits and misses of all workers. Reads files: not for the event loop."""
        counters = self._of_all_workers().counters
        return counters["cache_hits_total"], counters["cache_misses_total"]

    def render(self) -> bytes:
        """All series of all workers as Prometheus text. Reads files: not for the event loop."""
        return format_exposition(self._of_all_workers())

    def start(self, settings: Settings) -> None:
        """Joins the workers that share `prometheus_multiproc_dir`; without one, this worker's figures are all."""
        if self._flusher:
            return
        if settings.prometheus_multiproc_dir:
            try:
                self._file = WorkerFile(settings.prometheus_multiproc_dir)
                self._totals.add(self._file.inherited)
            except OSError as error:
                logger.warning("/metrics shows one worker only: %s", error)
        self._stop.clear()
        self._flusher = threading.Thread(target=self._keep_flushing, name="metrics", daemon=True)
        self._flusher.start()

    def stop(self) -> None:
        """Writes the last figures and leaves the file to a successor."""
        if self._flusher:
            self._stop.set()
            self._flusher.join()
            self._flusher = None
        self.flush()
        if self._file:
            self._file.release()
            self._file = None
            self._totals = MetricTotals()

    def flush(self) -> None:
        with self._flushing:
            for _ in range(len(self._pending)):
                self._add_up(*self._pending.popleft())
            active, capacity = self._pool()
            self._totals.gauges["http_requests_in_progress"] = self.in_progress
            self._totals.gauges["db_pool_connections_active"] = active
            self._totals.gauges["db_pool_capacity"] = capacity
            # On a full disk the totals wait in memory for a later flush.
            with suppress(OSError):
                if self._file:
                    self._file.write(self._totals)

    def _add_up(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method if method in METHODS else "OTHER", route, status)
        cell = self._totals.requests.get(key)
        if cell is None:
            cell = self._totals.requests[key] = [0] * (len(BOUNDS) + 2)
        cell[bisect_left(BOUNDS, seconds)] += 1
        cell[-1] += seconds

    def _keep_flushing(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self.flush()

    def _of_all_workers(self) -> MetricTotals:
        self.flush()
        if self._file:
            return self._file.read_all()
        with self._flushing:
            return MetricTotals().add(self._totals)


def prepare_metrics(settings: Settings) -> Path:
    """For the parent, before it starts workers: an empty folder, and its name in the environment that they inherit."""
    directory = settings.prometheus_multiproc_dir or Path(tempfile.mkdtemp(prefix="metrics-"))
    prepare_directory(directory)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    return directory


metrics = Metrics()
