"""Figures of the demo: by second for the picture, and by fault for the table."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import nan
from statistics import quantiles
from typing import NamedTuple

from benchmarks.scale_demo.customers import UNANSWERED, Outcome
from benchmarks.scale_demo.faults import Mark, Timeline

SUCCESSES = 200, 201
HEADER = (
    "fault",
    "requests/s",
    "failed reads",
    "failed writes",
    "longest time without a read, s",
    "without a write, s",
    "p50 ms",
    "p99 ms",
    "hits, %",
)


class Second(NamedTuple):
    at: int
    statuses: Counter[int]
    p50_ms: float
    p99_ms: float
    hit_percent: float


def seconds_of(outcomes: Sequence[Outcome], start: float, end: float) -> list[Second]:
    grouped: list[list[Outcome]] = [[] for _ in range(int(end - start))]
    for outcome in outcomes:
        if 0 <= (second := int(outcome.ended_at - start)) < len(grouped):
            grouped[second].append(outcome)
    return [Second(at, statuses(of), *latencies(of), hit_percent(of)) for at, of in enumerate(grouped)]


def rows(outcomes: Sequence[Outcome], timeline: Timeline, end: float) -> list[tuple[object, ...]]:
    """Return the cells of HEADER for each fault, up to the next one."""
    return [row(outcomes, mark, until) for mark, until in timeline.phases(end)]


def row(outcomes: Sequence[Outcome], mark: Mark, until: float) -> tuple[object, ...]:
    during = [outcome for outcome in outcomes if mark.at <= outcome.ended_at < until]
    reads, writes = ([outcome for outcome in during if outcome.is_write == kind] for kind in (False, True))
    return (
        mark.text,
        f"{len(during) / (until - mark.at):.0f}",
        failures(reads),
        failures(writes),
        *(f"{longest_gap(of, mark.at, until):.1f}" for of in (reads, writes)),
        *(f"{value:.0f}" for value in (*latencies(during), hit_percent(during))),
    )


def statuses(outcomes: Sequence[Outcome]) -> Counter[int]:
    return Counter(outcome.status for outcome in outcomes)


def failures(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.status == UNANSWERED or outcome.status >= 500 for outcome in outcomes)


def longest_gap(outcomes: Sequence[Outcome], start: float, end: float) -> float:
    """Return the longest time without a success, in seconds."""
    times = [start, *sorted(outcome.ended_at for outcome in outcomes if outcome.status in SUCCESSES), end]
    return max(later - earlier for earlier, later in pairwise(times))


def latencies(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Return p50 and p99 in ms, of all requests. NaN stands for none."""
    times = [1000 * outcome.seconds for outcome in outcomes]
    if len(times) < 2:
        return nan, nan
    cuts = quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[98]


def hit_percent(outcomes: Sequence[Outcome]) -> float:
    """Return the share of hits among the reads of what may be cached, or NaN."""
    cacheable = [outcome.is_hit for outcome in outcomes if outcome.is_hit is not None]
    return 100 * sum(cacheable) / len(cacheable) if cacheable else nan
