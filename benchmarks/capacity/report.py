"""Report of the capacity benchmark: a table, the targets and a picture."""

import os
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.common import picture, report
from benchmarks.common.programs import SHIPPED
from benchmarks.common.report import Target

WORKERS = (1, 2, 4)
TUNED = tuple(f"{count} worker{'s' * (count > 1)}" for count in WORKERS)
CHECKOUT = "checkout of the same two products"
HEADER = (
    "what",
    *(f"{name}, requests/s (p99 ms)" for name in (*TUNED, SHIPPED)),
    "CPU us in a worker",
    "CPU us in PostgreSQL",
    "a core of PostgreSQL bears",
)


class Figures(NamedTuple):
    """Figures of one run; CPU time in microseconds for each request."""

    rate: float
    p99_ms: float
    worker: float
    postgres: float


Found = dict[tuple[str, str], list[Figures]]
"""Figures of all runs by operation and program."""


def write(operations: Sequence[str], found: Found, told: Mapping[str, str], remarks: str) -> None:
    table = report.table(HEADER, [line(what, found) for what in operations])
    table += f"\n\n## Targets\n\n{report.targets_table(targets(found))}"
    raw = [{"what": what, "program": name, "runs": [run._asdict() for run in of]} for (what, name), of in found.items()]
    report.save(
        "capacity", f"# Capacity\n\n{remarks.strip()}\n\n{table}\n\n{report.facts(told)}", {**told, "rows": raw}
    )
    plot(operations, found)
    print(f"\n{table}\n\nwritten to benchmarks/results/capacity.md, .json and .png")


def line(what: str, found: Found) -> tuple[object, ...]:
    runs = [found[what, name] for name in (*TUNED, SHIPPED)]
    cells = [f"{middle(of, 'rate'):,.0f} ({middle(of, 'p99_ms'):,.0f})" for of in runs]
    worker, postgres = middle(runs[0], "worker"), middle(runs[0], "postgres")
    bears = f"{1e6 / postgres:,.0f}" if postgres > 1 else "-"
    return what, *cells, f"{worker:.0f}", f"{postgres:.0f}", bears


def middle(runs: Sequence[Figures], figure: str) -> float:
    return median(getattr(run, figure) for run in runs)


def targets(found: Found) -> list[Target]:
    """Return the targets for rows that all workers write."""
    alone, many = found[CHECKOUT, TUNED[0]], found[CHECKOUT, TUNED[-1]]
    ratio = median(run.rate / one.rate for run, one in zip(many, alone, strict=True))
    return [
        Target(f"{CHECKOUT}, requests/s: {TUNED[-1]} / {TUNED[0]}", ratio, 0.95),
        Target(f"{CHECKOUT}, p99 ms: {TUNED[-1]}", middle(many, "p99_ms"), 120, at_most=True),
    ]


def plot(operations: Sequence[str], found: Found) -> None:
    drawn, [[axis]] = picture.new(1, 4.5)
    for what, marker in zip(operations, "os^D", strict=True):
        runs = [[run.rate for run in found[what, name]] for name in TUNED]
        rates = [median(of) for of in runs]
        below = [rate - min(of) for rate, of in zip(rates, runs, strict=True)]
        above = [max(of) - rate for rate, of in zip(rates, runs, strict=True)]
        axis.errorbar(WORKERS, rates, (below, above), marker=marker, capsize=3, label=what)
    axis.set_yscale("log")
    axis.set_xticks(WORKERS)
    axis.set_xlabel(f"workers, on {os.cpu_count()} cores")
    axis.set_ylabel("requests/s")
    picture.legend_beside(axis)
    picture.save(drawn, "Capacity: median and range of the rounds", report.RESULTS / "capacity.png")
