"""Samples during the demo: how far each standby is behind, and which servers answer uncached reads."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

import psycopg2

from benchmarks.scale_demo.site import Site
from tests.replication import run

PERIOD_SECONDS = 0.5
WRITTEN = "SELECT (pg_current_wal_lsn() - '0/0')::bigint"
REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint"


@dataclass
class Watch:
    site: Site
    behind: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    """For each standby: time, and MB of WAL that it has not replayed. One that is down stays where it was."""
    reads: Counter[str] = field(default_factory=Counter)
    """Uncached reads by server."""
    stop: threading.Event = field(default_factory=threading.Event)
    _replayed: dict[str, int] = field(default_factory=dict)
    _counted: dict[tuple[str, str], float] = field(default_factory=dict)

    def run(self) -> None:
        while not self.stop.wait(PERIOD_SECONDS):
            with suppress(psycopg2.Error):  # the primary is down
                self._compare()
            for instance in self.site.instances:
                with suppress(OSError):  # it is down
                    self._count(instance.name, self.site.metrics(instance))

    def _compare(self) -> None:
        primary = self.site.primary
        for number, standby in enumerate(self.site.standbys, 1):
            if standby is not primary:
                name = f"standby {number}"
                with suppress(psycopg2.Error):
                    self._replayed[name] = run(standby, REPLAYED)
                self.behind[name].append((monotonic(), max(0, run(primary, WRITTEN) - self._replayed[name]) / 1e6))

    def _count(self, instance: str, samples: list[tuple[str, str, float]]) -> None:
        """Add what has been read since the last sample. A new process of an instance counts from 0."""
        for name, server, total in samples:
            if name == "db_reads_total":
                before = self._counted.get((instance, server), 0)
                self.reads[server] += int(total - before if total >= before else total)
                self._counted[instance, server] = total


@contextmanager
def watching(site: Site) -> Iterator[Watch]:
    watch = Watch(site)
    thread = threading.Thread(target=watch.run, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        thread.join()
