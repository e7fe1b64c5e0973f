"""The files through which workers share their metrics: one a worker, taken over by its successor."""

import fcntl
import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import orjson


@dataclass
class MetricTotals:
    """The figures of one worker, or of several together."""

    # (method, route, status) -> requests in each span of durations, and last the seconds of them all
    requests: dict[tuple[str, str, int], list[float]] = field(default_factory=dict)
    counters: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    gauges: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    # when it was counted, and how many: a fact of the database, of which the latest reading holds, not the sum
    low_stock: tuple[float, int] | None = None

    def add(self, other: "MetricTotals") -> Self:
        for key, cell in other.requests.items():
            known = self.requests.get(key) or [0] * len(cell)
            self.requests[key] = [a + b for a, b in zip(known, cell, strict=True)]
        for mine, theirs in ((self.counters, other.counters), (self.gauges, other.gauges)):
            for name, value in theirs.items():
                mine[name] += value
        self.low_stock = max(filter(None, (self.low_stock, other.low_stock)), default=None)
        return self

    def dump(self) -> bytes:
        cells = [(*key, cell) for key, cell in self.requests.items()]
        return orjson.dumps((cells, self.counters, self.gauges, self.low_stock))

    @classmethod
    def load(cls, dumped: bytes) -> "MetricTotals":
        cells, counters, gauges, low_stock = orjson.loads(dumped)
        requests = {(method, route, status): cell for method, route, status, cell in cells}
        return cls(
            requests, defaultdict(int, counters), defaultdict(int, gauges), tuple(low_stock) if low_stock else None
        )


class WorkerFile:
    """A worker's file of totals. It outlives the worker: the next worker takes over the file and counts on, so that no
    counter falls, and there are never more files than there were workers at one time.

    Files replaced as a whole rather than memory mapped, as prometheus_client's own are: a mapped file ends the worker
    with SIGBUS when the disk is full."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with _locked(directory):
            self._lock = next(
                lock for number in itertools.count() if (lock := _claim(directory / f"worker_{number}.lock"))
            )
            self._file = Path(self._lock.name).with_suffix(".json")
            self.inherited = MetricTotals()
            with suppress(FileNotFoundError):
                self.inherited = MetricTotals.load(self._file.read_bytes())
            self.inherited.gauges.clear()
            self.write(self.inherited)

    def write(self, totals: MetricTotals) -> None:
        unfinished = self._file.with_suffix(".new")
        unfinished.write_bytes(totals.dump())
        unfinished.replace(self._file)

    def read_all(self) -> MetricTotals:
        """The sum over all workers there ever were; gauges only of those that run."""
        everyone = MetricTotals()
        with _locked(self._directory):
            for file in self._directory.glob("worker_*.json"):
                totals = MetricTotals.load(file.read_bytes())
                if abandoned := _claim(file.with_suffix(".lock")):
                    abandoned.close()
                    totals.gauges.clear()
                everyone.add(totals)
        return everyone

    def release(self) -> None:
        self._lock.close()


def prepare_directory(directory: Path) -> None:
    """Makes the folder, or clears it of an earlier run's files."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("worker_*"):
        file.unlink()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / "directory.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _claim(path: Path) -> IO[str] | None:
    """The locked file, or None when a running worker holds it. The kernel frees it when that worker dies, however."""
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
