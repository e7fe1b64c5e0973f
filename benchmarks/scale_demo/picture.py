"""Picture of the demo: four curves over time, and the faults."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from benchmarks.common import picture
from benchmarks.scale_demo.customers import UNANSWERED
from benchmarks.scale_demo.faults import Timeline
from benchmarks.scale_demo.figures import Second

NAMES = {UNANSWERED: "no answer"}
HEIGHTS = 3, 2, 2, 1.5


def plot(
    seconds: Sequence[Second],
    behind: Mapping[str, Sequence[tuple[float, float]]],
    timeline: Timeline,
    start: float,
    file: Path,
) -> None:
    drawn, axes = picture.new(4, 13, sharex=True, height_ratios=HEIGHTS)
    requests, latency, lag, hits = axes[:, 0]
    times = [second.at for second in seconds]
    found = sorted(
        {status for second in seconds for status in second.statuses}, key=lambda status: (status == 0, status)
    )
    stacked = [[second.statuses[status] for second in seconds] for status in found]
    requests.stackplot(times, stacked, labels=[NAMES.get(status, str(status)) for status in found], step="post")
    latency.plot(times, [second.p50_ms for second in seconds], label="p50")
    latency.plot(times, [second.p99_ms for second in seconds], label="p99")
    latency.set_yscale("log")
    for name, points in behind.items():
        lag.plot([at - start for at, _ in points], [megabytes for _, megabytes in points], label=name)
    hits.plot(times, [second.hit_percent for second in seconds])
    hits.set_ylim(0, 105)
    labels = "requests/s", "latency, ms", "lag, MB of WAL", "hits, %"
    for axis, label in zip(axes[:, 0], labels, strict=True):
        axis.set_ylabel(label)
        draw_marks(axis, timeline, start)
    for axis in (requests, latency, lag):
        picture.legend_beside(axis)
    name_marks(requests, timeline, start)
    hits.set_xlabel("seconds since the start of the load")
    picture.save(drawn, "Faults under load", file)


def draw_marks(axis: Axes, timeline: Timeline, start: float) -> None:
    """Draw a line for each fault, and a dotted one for each recovery."""
    for mark in timeline.marks[1:]:
        style = ("#24292f", "-", 1.4) if mark.is_fault else (picture.OTHERS, ":", 1.0)
        axis.axvline(mark.at - start, color=style[0], linestyle=style[1], linewidth=style[2])


def name_marks(axis: Axes, timeline: Timeline, start: float) -> None:
    top = axis.get_ylim()[1]
    for mark in timeline.marks[1:]:
        if mark.is_fault:
            axis.text(mark.at - start, top, mark.text, rotation=20, va="bottom", ha="left", fontsize=11)
