"""Report of the memory benchmark: a table of growth and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.common import picture, report
from benchmarks.common.wrk import Sample

FLAT_MEGABYTES_A_MINUTE = 0.5
HEADER = ("", "MB at first", "half-way", "at the end", "MB/min, 2nd half", "flat", "tasks, futures", "open files")


@dataclass
class Moment:
    """Figures of one second: megabytes and open files by worker, connections of all workers to both servers."""

    second: float
    megabytes: list[float]
    open_files: list[int]
    postgres_connections: int
    valkey_connections: int


class Counts(NamedTuple):
    """Objects that a worker counted in its own process, at a Unix time in seconds."""

    time: int
    tasks: int
    futures: int
    objects: int


def write(
    moments: Sequence[Moment], counts: Sequence[list[Counts]], sample: Sample, minutes: int, told: Mapping[str, str]
) -> None:
    loaded = [item for item in moments if item.second <= minutes * 60]
    after = moments[-1]
    table = report.table(HEADER, [line(place, loaded, after, of) for place, of in enumerate(counts)])
    text = f"""
# Memory under load

{minutes} minutes of mixed reads, misses, writes, checkouts and mistakes: {sample.requests:,} requests,
{sample.rate:,.0f} a second, {sample.broken} without an answer.

{table}

"Flat" is less than {FLAT_MEGABYTES_A_MINUTE} MB a minute in the second half. Tasks, futures and open files: half-way ->
10 s after the end. Connections of all workers (and one of this measurement to Valkey): {connections(loaded[-1])} under
load, {connections(after)} 10 s after it.

{report.facts(told)}
"""
    report.save("memory", text, {**told, "moments": [asdict(item) for item in moments], "counts": list(counts)})
    plot(moments, counts, report.RESULTS / "memory.png")
    print(f"\n{table}\n\nwritten to benchmarks/results/memory.md, .json and .png")


def connections(now: Moment) -> str:
    return f"{now.postgres_connections} to PostgreSQL, {now.valkey_connections} to Valkey"


def line(place: int, loaded: Sequence[Moment], after: Moment, counts: Sequence[Counts]) -> tuple[object, ...]:
    memory = [item.megabytes[place] for item in loaded]
    half_way = len(memory) // 2
    growth = slope_a_minute([(item.second, item.megabytes[place]) for item in loaded[half_way:]])
    figures = f"{memory[0]:.0f}", f"{memory[half_way]:.0f}", f"{memory[-1]:.0f}", f"{growth:.2f}"
    under_load, last = counts[len(counts) // 2], counts[-1]
    tasks = f"{under_load.tasks}, {under_load.futures} -> {last.tasks}, {last.futures}"
    open_files = f"{loaded[half_way].open_files[place]} -> {after.open_files[place]}"
    return f"worker {place + 1}", *figures, "yes" if growth < FLAT_MEGABYTES_A_MINUTE else "no", tasks, open_files


def slope_a_minute(points: Sequence[tuple[float, float]]) -> float:
    """Return the median slope between any two points (Theil-Sen); outliers do not change it."""
    few = points[:: max(1, len(points) // 100)]
    return 60 * median((b[1] - a[1]) / (b[0] - a[0]) for place, a in enumerate(few) for b in few[place + 1 :])


def plot(moments: Sequence[Moment], counts: Sequence[list[Counts]], file: Path) -> None:
    drawn, axes = picture.new(3, 10, sharex=True)
    memory, connections, objects = axes[:, 0]
    seconds = [item.second for item in moments]
    for place, of in enumerate(counts):
        memory.plot(seconds, [item.megabytes[place] for item in moments], label=f"worker {place + 1}")
        connections.plot(seconds, [item.open_files[place] for item in moments], label=f"files, worker {place + 1}")
        times = [item.time - of[0].time for item in of]
        objects.plot(times, [item.tasks for item in of], label=f"tasks, worker {place + 1}")
        objects.plot(times, [item.futures for item in of], "--", label=f"futures, worker {place + 1}")
    connections.plot(seconds, [item.postgres_connections for item in moments], "--", label="PostgreSQL")
    connections.plot(seconds, [item.valkey_connections for item in moments], ":", label="Valkey")
    memory.set_ylabel("resident MB")
    connections.set_ylabel("open files,\nconnections")
    objects.set_ylabel("tasks, futures")
    objects.set_xlabel("seconds since the start")
    for axis in axes[:, 0]:
        axis.set_ylim(bottom=0)
        picture.legend_beside(axis)
    picture.save(drawn, "Memory, connections and tasks under load", file)
