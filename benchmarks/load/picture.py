"""Locust's figures for each second, and their picture."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import picture


class Second(NamedTuple):
    time: int
    users: int
    rate: float
    failures: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def history(folder: Path) -> list[Second]:
    """Return the seconds so far; an empty list before the first."""
    file = folder / "load_stats_history.csv"
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["Name"] == "Aggregated" and row["95%"] not in ("N/A", None)]
    columns = ("Timestamp", "User Count", "Requests/s", "Failures/s", "50%", "95%", "99%")
    return [Second(*(kind(float(row[name])) for kind, name in zip(KINDS, columns, strict=True))) for row in rows]


KINDS = (int, int, float, float, float, float, float)


def plot(seconds: Sequence[Second], file: Path) -> None:
    if not seconds:
        return
    times = [second.time - seconds[0].time for second in seconds]
    drawn, axes = picture.new(3, 9, sharex=True)
    users, rates, latencies = axes[:, 0]
    users.plot(times, [second.users for second in seconds], label="users")
    rates.plot(times, [second.rate for second in seconds], label="requests/s")
    rates.plot(times, [second.failures for second in seconds], linestyle="--", label="failures/s")
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        latencies.plot(times, [getattr(second, name) for second in seconds], label=name.removesuffix("_ms"))
    users.set_ylabel("users")
    rates.set_ylabel("per second")
    latencies.set_ylabel("ms, last 10 s")
    latencies.set_xlabel("seconds since the start")
    for axis in axes[:, 0]:
        axis.set_ylim(bottom=0)
        picture.legend_beside(axis)
    picture.save(drawn, "The shop under load", file)
