"""Files for sharing metrics between workers: one for each worker, taken over by its successor."""

import fcntl
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import orjson

LOCK_SECONDS = 1.0
"""Longest wait for the lock of the folder. A worker that is stopped (SIGSTOP) may hold it."""


@dataclass
class MetricTotals:
    """Figures of one worker, or the sum over several."""

    # (method, route, status) -> requests in each bucket of durations, then the sum of all durations in seconds
    requests: dict[tuple[str, str, int], list[float]] = field(default_factory=dict)
    counters: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    gauges: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    # name -> (Unix time of the reading, number of rows). All workers read the same database: the latest reading counts.
    readings: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, other: "MetricTotals") -> Self:
        """Add the figures of `other` to this object, and return it."""
        for key, cell in other.requests.items():
            current = self.requests.get(key) or [0] * len(cell)
            self.requests[key] = [a + b for a, b in zip(current, cell, strict=True)]
        for target, source in ((self.counters, other.counters), (self.gauges, other.gauges)):
            for name, value in list(source.items()):  # a list, because another thread may add a name
                target[name] += value
        for name, reading in other.readings.items():
            self.readings[name] = max(self.readings.get(name, reading), reading)
        return self

    def dump(self) -> bytes:
        """Serialize the figures as JSON."""
        cells = [(*key, cell) for key, cell in self.requests.items()]
        return orjson.dumps((cells, self.counters, self.gauges, self.readings))

    @classmethod
    def load(cls, dumped: bytes) -> "MetricTotals":
        """Parse the output of `dump`."""
        cells, counters, gauges, readings = orjson.loads(dumped)
        requests = {(method, route, status): cell for method, route, status, cell in cells}
        latest = {name: (moment, number) for name, (moment, number) in (readings or {}).items()}
        return cls(requests, defaultdict(int, counters), defaultdict(int, gauges), latest)


class WorkerFile:
    """File with the totals of one worker.

    The file outlives the worker. The next worker takes it over and continues to count, so no counter falls and there
    are never more files than there were workers at one time. Each write replaces the whole file. prometheus_client maps
    its files into memory instead, and a mapped file kills the worker with SIGBUS when the disk is full.
    """

    def __init__(self, directory: Path, totals: MetricTotals) -> None:
        """Take over a file, or make one, and write the sum of its contents and `totals`.

        Raises OSError, for example when the disk is full. Then the file stays as it was.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(directory):
            self._lock = next(
                lock for number in itertools.count() if (lock := _claim(directory / f"worker_{number}.lock"))
            )
            self._file = Path(self._lock.name).with_suffix(".json")
            self.inherited = _read(self._file)
            self.inherited.gauges.clear()
            try:
                self.write(MetricTotals().add(self.inherited).add(totals))
            except OSError:
                self.release()
                raise

    def is_in_place(self) -> bool:
        """Return False if the file or its folder has been removed or replaced."""
        try:
            found, held = os.stat(self._lock.name), os.fstat(self._lock.fileno())
        except OSError:
            return False
        return (found.st_ino, found.st_dev) == (held.st_ino, held.st_dev)

    def write(self, totals: MetricTotals) -> None:
        """Replace the contents of the file. Raises OSError, for example when the disk is full."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_bytes(totals.dump())
        unfinished.replace(self._file)

    def release(self) -> None:
        """Leave the file to another worker."""
        self._lock.close()


def read_all(directory: Path) -> MetricTotals:
    """Return the sum over all workers of the folder, dead ones included. Only running workers count for gauges.

    Raises OSError if the folder cannot be read.
    """
    total = MetricTotals()
    with _locked(directory):
        for file in directory.glob("worker_*.json"):
            totals = _read(file)
            if abandoned := _claim(file.with_suffix(".lock")):
                abandoned.close()
                totals.gauges.clear()
            total.add(totals)
    return total


def prepare_directory(directory: Path) -> None:
    """Create the folder, or delete the files of an earlier run from it. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.glob("worker_*"):
        file.unlink(missing_ok=True)


def _read(file: Path) -> MetricTotals:
    """Return the contents of a worker's file, or nothing if it is missing or not one of ours."""
    try:
        return MetricTotals.load(file.read_bytes())
    except (FileNotFoundError, ValueError, TypeError):
        return MetricTotals()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of the folder. Raises TimeoutError after LOCK_SECONDS, and other kinds of OSError."""
    deadline = time.monotonic() + LOCK_SECONDS
    with (directory / "directory.lock").open("w") as lock:
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{lock.name} is locked")
            time.sleep(0.005)
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _claim(path: Path) -> IO[str] | None:
    """Return the locked file, or None when a running worker holds the lock. The kernel unlocks a dead worker's file."""
    lock = path.open("w")
    if _try_lock(lock):
        return lock
    lock.close()
    return None
