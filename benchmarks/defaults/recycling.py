"""Replacement of workers under load: throughput, latencies, errors and hit rate with and without it."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import NamedTuple

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import SHIPPED, Program, running, shipped, uvicorn
from benchmarks.common.report import Target, figure
from benchmarks.common.rounds import fetch_json
from benchmarks.common.servers import Servers
from benchmarks.common.shop import PRODUCTS, right_answers, write_bodies
from benchmarks.common.wrk import Sample, wrk
from benchmarks.defaults.probe import CONNECTIONS, Probe
from infrastructure.server.cores import usable_cores

BARE, NEVER, OFTEN = "bare ASGI (the limit)", "LIMIT_MAX_REQUESTS=0", "LIMIT_MAX_REQUESTS=1000"
HEADER = (
    "variant",
    "requests/s",
    f"x {NEVER}",
    "workers replaced",
    "p99 ms outside replacements (x bare)",
    "during one (x bare)",
    "hit rate %",
    "errors",
)
REMARKS = f"""
`make run-production` with no setting but RATE_LIMIT_CALLS, and LIMIT_MAX_REQUESTS where the row names it: one worker
for each core, a cached list of 10 products. wrk measures the throughput. {CONNECTIONS} connections more measure the
latencies, which tells times with and without a replacement apart. A replacement lasts from the start of the successor
to the end of its predecessor. Errors are time-outs, lost connections and statuses other than 200 of both.
"""


class Run(NamedTuple):
    sample: Sample
    replaced: int
    outside_ms: float
    during_ms: float
    hit_percent: float
    errors: int


Found = dict[str, list[Run]]


def run(servers: Servers) -> None:
    options = Options.read(connections=100, seconds=90)
    where = servers.environment()
    bare = {"BODIES": write_bodies(servers, right_answers(servers))}
    programs = [
        uvicorn(BARE, "benchmarks.apps.bare:app", bare, usable_cores()),
        shipped(where, NEVER, LIMIT_MAX_REQUESTS="0"),
        shipped(where),
        shipped(where, OFTEN, LIMIT_MAX_REQUESTS="1000"),
    ]
    found: Found = {program.name: [] for program in programs}
    with running(programs, servers.folder):
        for number in range(options.rounds):
            for program in programs if number % 2 == 0 else reversed(programs):
                found[program.name].append(figures := measure(program, options))
                print(f"round {number + 1}/{options.rounds}  {program.name}: {figures}", flush=True)
    write(found, options)


def measure(program: Program, options: Options) -> Run:
    probe = Probe(program, PRODUCTS)
    hits, misses = cache_counters(program)
    with probe.running():
        sample = wrk(program.url + PRODUCTS, options.connections, options.seconds)
    later_hits, later_misses = cache_counters(program)
    program.settle()
    hits, misses = later_hits - hits, later_misses - misses
    return Run(
        sample,
        len(probe.replacements),
        probe.p99_ms(during_replacements=False),
        probe.p99_ms(during_replacements=True),
        100 * hits / max(1, hits + misses),
        sample.refused + sample.broken + probe.errors,
    )


def cache_counters(program: Program) -> tuple[int, int]:
    """Return hits and misses of all workers so far; none for the bare application."""
    if program.name == BARE:
        return 0, 0
    cache = fetch_json(f"{program.url}/health_check")["checks"]["cache"]
    return cache["hits"], cache["misses"]


def write(found: Found, options: Options) -> None:
    table = report.table(HEADER, [line(name, found) for name in found])
    table += f"\n\n## Targets\n\n{report.targets_table(targets(found))}"
    told = conditions("python -m benchmarks.defaults recycling", options)
    raw = {name: [{**one._asdict(), "sample": asdict(one.sample)} for one in runs] for name, runs in found.items()}
    text = f"# Replacement of workers\n\n{REMARKS.strip()}\n\n{table}\n\n{report.facts(told)}"
    report.save("recycling", text, {**told, "runs": raw})
    print(f"\n{table}\n\nwritten to benchmarks/results/recycling.md and .json")


def line(name: str, found: Found) -> tuple[object, ...]:
    runs = found[name]
    rate, replaced = median(one.sample.rate for one in runs), sum(one.replaced for one in runs)
    outside, during = (cell(name, found, figure_name) for figure_name in ("outside_ms", "during_ms"))
    hit = "-" if name == BARE else f"{min(one.hit_percent for one in runs):.2f}"
    errors = sum(one.errors for one in runs)
    return name, f"{rate:,.0f}", figure(throughput(name, found)), replaced, outside, during, hit, errors


def cell(name: str, found: Found, figure_name: str) -> str:
    measured = [getattr(one, figure_name) for one in found[name]]
    return f"{median(measured):.1f} ({figure(latency(name, found, figure_name))})" if all(measured) else "-"


def throughput(name: str, found: Found) -> float:
    """Return the median ratio to the run without replacement of the same round."""
    return median(one.sample.rate / never.sample.rate for one, never in pairs(name, NEVER, found))


def latency(name: str, found: Found, figure_name: str) -> float:
    """Return the median ratio to the bare application of the same round."""
    return median(getattr(one, figure_name) / bare.outside_ms for one, bare in pairs(name, BARE, found))


def pairs(name: str, base: str, found: Found) -> Sequence[tuple[Run, Run]]:
    return list(zip(found[name], found[base], strict=True))


def targets(found: Found) -> list[Target]:
    aims = []
    for name in (SHIPPED, OFTEN):
        aims += [
            Target(f"{name}: requests/s / {NEVER}", throughput(name, found), 0.95),
            Target(f"{name}: p99 outside replacements / bare", latency(name, found, "outside_ms"), 3, at_most=True),
            Target(f"{name}: p99 during one / bare", latency(name, found, "during_ms"), 10, at_most=True),
            Target(f"{name}: hit rate %", min(one.hit_percent for one in found[name]), 99),
            Target(f"{name}: errors", sum(one.errors for one in found[name]), 0, at_most=True),
        ]
    return aims
