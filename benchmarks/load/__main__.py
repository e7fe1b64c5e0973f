"""Load test with a shop, the rate limit on and 400 users: `python -m benchmarks.load`, or `make load`.

The service runs as shipped and tuned. With `highest`, the users get busier from step to step while all targets are met.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import number
from benchmarks.common.processes import cpu_seconds
from benchmarks.common.programs import Program, ours, running, shipped
from benchmarks.common.servers import ROOT, Servers, private_servers
from benchmarks.load.picture import history, plot

USERS, SPAWN_RATE, SECONDS = number("USERS", 400), number("SPAWN_RATE", 50), number("SECONDS", 60)
WORKERS, PRODUCTS = number("WORKERS", 2), number("PRODUCTS", 10_000)
LIMIT_CALLS = 100
STEPS = (1, 2, 4, 6, 8, 10, 12, 16, 24, 32)
TARGETS = ("p50 ms", "p95 ms", "p99 ms", "errors", "hit rate %", "all targets")
CORES = ("Locust", "the workers", "PostgreSQL", "Valkey")
SHIPPED, TUNED = "as shipped", "tuned"
VARIANTS = (SHIPPED, TUNED)
HEADER = ("service", "think time", "requests", "requests/s", *TARGETS, f"cores used by {', '.join(CORES)}")
OPTIONS = f"USERS={USERS} SPAWN_RATE={SPAWN_RATE} SECONDS={SECONDS} WORKERS={WORKERS} PRODUCTS={PRODUCTS}"
REMARKS = f"""
{USERS} users, {SPAWN_RATE} more each second, for {SECONDS} s, by Locust on the same cores: 40 % lists of products, 25 %
products, 15 % categories, 10 % lists of clients, 5 % new clients, 5 % checkouts. Each user has an address of its own,
and the rate limit counts it. With the think time of 1 to 3 s they ask about {USERS // 2} times a second at the most,
whatever the server does.

"{SHIPPED}" is `make run-production` with no setting but RATE_LIMIT_CALLS, one worker for each core. "{TUNED}" has
{WORKERS} workers that are not replaced, no bound on connections and no log files.
"""


def main() -> None:
    with private_servers() as servers:
        servers.fill(PRODUCTS)
        servers.query("UPDATE products SET stock = stock + 1000000")
        missed = find_highest(servers) if "highest" in sys.argv[1:] else run_once(servers)
    sys.exit(1 if missed else 0)


def run_once(servers: Servers) -> bool:
    """Return True if a target is missed. The picture shows the service as shipped, which runs last."""
    runs = [run(servers, variant, 1, report.RESULTS / "load.html") for variant in reversed(VARIANTS)]
    plot(history(servers.folder), report.RESULTS / "load.png")
    write("load", "The shop under load", "make load", runs)
    print("written to benchmarks/results/load.md, .json, .html and .png")
    return not all(map(is_met, runs))


def find_highest(servers: Servers) -> bool:
    """Return True if a target is missed at the first step."""
    runs = [figures for variant in VARIANTS for figures in steps_of(servers, variant)]
    write("load_highest", "The highest load that meets all targets", "make load-highest", runs)
    print("written to benchmarks/results/load_highest.md and .json")
    return not all(is_met(figures) for figures in runs if figures["step"] == STEPS[0])


def steps_of(servers: Servers, variant: str) -> Iterator[dict[str, Any]]:
    """Yield the figures of each step up to the first that misses a target."""
    for step in STEPS:
        yield (figures := run(servers, variant, step, servers.folder / "load.html"))
        if not is_met(figures):
            return


def run(servers: Servers, variant: str, step: int, page: Path) -> dict[str, Any]:
    """Load a new service with users `step` times as busy as usual, and a limit `step` times as high.

    The service is new for each step, so that its cache counters start at 0.
    """
    program = started(servers, variant, str(LIMIT_CALLS * step))
    low, high, result = 1 / step, 3 / step, servers.folder / "result.json"
    with running([program], servers.folder):
        print(f"{variant}: {USERS} users, think time {low:.2g} to {high:.2g} s", flush=True)
        variables = {"THINK_MIN": str(low), "THINK_MAX": str(high), "LOAD_RESULT": str(result)}
        page.parent.mkdir(exist_ok=True)
        before = used(program, servers)
        run_locust(program.url, servers.folder, page, variables)
        cores = [(now - was) / SECONDS for now, was in zip(used(program, servers), before, strict=True)]
    figures = {"variant": variant, "step": step, "think": f"{low:.2g} to {high:.2g} s", "cores": cores}
    return figures | json.loads(result.read_text())


def started(servers: Servers, variant: str, calls: str) -> Program:
    """Return the service with a rate limit of `calls` in its default period, a minute."""
    if variant == SHIPPED:
        return shipped(servers.environment(), RATE_LIMIT_CALLS=calls)
    limit = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": calls, "REDIS_DB": "1"}  # no counts of the other
    return ours("the service", servers.environment(), WORKERS, **limit)


def used(program: Program, servers: Servers) -> tuple[float, ...]:
    """Return the CPU seconds so far in the order of CORES.

    Locust's come from the ended children, because Locust alone ends between two calls.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    parents = [owner.process.pid for owner in (program, servers.postgres, servers.valkey) if owner.process]
    return ended.ru_utime + ended.ru_stime, *map(cpu_seconds, parents)


def run_locust(url: str, folder: Path, page: Path, variables: Mapping[str, str]) -> None:
    """Run Locust and print its progress. Ignore its exit code: a missed target is not an error here."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "load_test.py"), "--host", url, "--headless"]
    command += ["--users", str(USERS), "--spawn-rate", str(SPAWN_RATE), "--run-time", f"{SECONDS}s"]
    command += ["--only-summary", "--loglevel", "WARNING", "--html", str(page)]
    command += ["--csv", str(folder / "load"), "--csv-full-history"]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}) as locust:
        while locust.poll() is None:
            time.sleep(1)
            if lines := history(folder):
                now = lines[-1]
                passed = f"{time.monotonic() - started:.0f} of {SECONDS} s"
                tell = f"{now.users} users, {now.rate:.0f} requests/s, p95 {now.p95_ms:.0f} ms"
                print(f"\r{passed}: {tell}, {now.failures:.0f} failures/s   ", end="", flush=True)
    print()


def is_met(figures: Mapping[str, Any]) -> bool:
    return all(outcome["is_met"] for outcome in figures["outcomes"])


def write(name: str, title: str, command: str, runs: Sequence[Mapping[str, Any]]) -> None:
    told = conditions(command, OPTIONS)
    table = report.table(HEADER, [line(figures) for figures in runs])
    print(table)
    report.save(
        name, f"# {title}\n\n{REMARKS.strip()}\n\n{table}\n\n{report.facts(told)}", {**told, "runs": list(runs)}
    )


def line(figures: Mapping[str, Any]) -> tuple[object, ...]:
    measured = [f"{outcome['measured']:.0f}" for outcome in figures["outcomes"]]
    cores = ", ".join(f"{share:.2f}" for share in figures["cores"])
    requests = f"{figures['requests']:,}", f"{figures['requests_a_second']:.0f}"
    return figures["variant"], figures["think"], *requests, *measured, "met" if is_met(figures) else "missed", cores


if __name__ == "__main__":
    main()
