"""Hostile connections to one worker: memory and liveness during and after each attack."""

import multiprocessing
import time
from typing import NamedTuple

from benchmarks.attacks.hostile import ATTACKS, attack
from benchmarks.attacks.watch import Watch
from benchmarks.common import report
from benchmarks.common.programs import UNREACHABLE, Program, ours, running
from benchmarks.common.report import Target
from benchmarks.common.rounds import fetch_json
from benchmarks.common.servers import Servers

QUIET_SECONDS = 3
HEADER = ("attack", "statuses (0: cut)", "MB before", "growth during", "after", "liveness p50 ms", "slowest ms")
REMARKS = """
## Connections

One worker in production mode with its default bounds and `TRUSTED_PROXIES=`, so that the limit for the connections of
one address counts loopback. Each attack runs in a process and from an address of its own. The liveness probe opens a
connection every 20 ms. "After" is the memory 3 s after the last connection has closed.
"""


class Outcome(NamedTuple):
    statuses: dict[int, int]
    before: float
    during: float
    after: float
    median_ms: float
    slowest_ms: float
    failures: int


def run(servers: Servers) -> tuple[str, list[Target], object]:
    limit = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": UNREACHABLE, "TRUSTED_PROXIES": ""}
    program = ours("the service", servers.environment(), 1, LIMIT_CONCURRENCY="1000", **limit)
    outcomes: dict[str, Outcome] = {}
    with running([program], servers.folder):
        for _ in range(200):
            fetch_json(program.url + program.path)
        for name in ATTACKS:
            outcomes[name] = measure(program, name)
            print(f"{name}: {outcomes[name]}", flush=True)
    table = report.table(HEADER, [line(name, outcome) for name, outcome in outcomes.items()])
    raw = {name: outcome._asdict() for name, outcome in outcomes.items()}
    return f"{REMARKS.strip()}\n\n{table}", targets(outcomes), raw


def measure(program: Program, name: str) -> Outcome:
    watch, context = Watch(program), multiprocessing.get_context("spawn")
    theirs, ours_ = context.Pipe()
    attacker = context.Process(target=attack, args=(name, program.port, theirs))
    with watch.running():
        attacker.start()
        theirs.close()  # so that the death of the attacker is an error here
        statuses = ours_.recv()
        attacker.join()
        time.sleep(QUIET_SECONDS)
    figures = watch.growth_during(), watch.growth_now(), watch.median_ms(), watch.slowest_ms(), watch.failures
    return Outcome(statuses, watch.before / 1e6, *figures)


def line(name: str, outcome: Outcome) -> tuple[object, ...]:
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(outcome.statuses.items()))
    figures = outcome.before, outcome.during, outcome.after, outcome.median_ms, outcome.slowest_ms
    return name, statuses, *(f"{figure:.1f}" for figure in figures)


def targets(outcomes: dict[str, Outcome]) -> list[Target]:
    return [
        Target("slowest liveness ms", max(each.slowest_ms for each in outcomes.values()), 500, at_most=True),
        Target("failed liveness probes", sum(each.failures for each in outcomes.values()), 0, at_most=True),
        Target("MB of growth during an attack", max(each.during for each in outcomes.values()), 20, at_most=True),
        Target("MB of growth after an attack", max(each.after for each in outcomes.values()), 20, at_most=True),
    ]
