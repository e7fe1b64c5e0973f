"""Locust's figures for each second, and their picture."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt


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
    picture, (above, below) = plt.subplots(2, 1, figsize=(9, 6), sharex=True)
    above.plot(times, [second.rate for second in seconds], color="#1f6feb", label="requests/s")
    above.plot(times, [second.failures for second in seconds], color="#d1242f", label="failures/s")
    users = above.twinx()
    users.plot(times, [second.users for second in seconds], color="#9aa4b2", linestyle="--", label="users")
    users.set_ylabel("users")
    above.set_ylabel("requests/s")
    for name, colour in (("p50_ms", "#2da44e"), ("p95_ms", "#bf8700"), ("p99_ms", "#d1242f")):
        below.plot(times, [getattr(second, name) for second in seconds], color=colour, label=name.removesuffix("_ms"))
    below.set_ylabel("answer after, ms (last 10 s)")
    below.set_xlabel("seconds")
    below.set_ylim(bottom=0)
    picture.legend(loc="upper right", fontsize=8, ncols=3)
    picture.suptitle("The shop under load", fontsize=11, x=0.3)
    picture.tight_layout()
    picture.savefig(file, dpi=130)
    plt.close(picture)
