"""Load test with a shop, the rate limit on and 400 users: `python -m benchmarks.load`, or `make load`.

With `highest`, the users get busier from step to step while all targets are met.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import number
from benchmarks.common.programs import Program, cpu_seconds, descendants, ours, running
from benchmarks.common.servers import ROOT, Servers, private_servers
from benchmarks.load.picture import history, plot

USERS, SPAWN_RATE, SECONDS = number("USERS", 400), number("SPAWN_RATE", 50), number("SECONDS", 60)
WORKERS, PRODUCTS = number("WORKERS", 2), number("PRODUCTS", 10_000)
LIMIT_CALLS, PERIOD = 100, 60
STEPS = (1, 2, 4, 6, 8, 10, 12, 16, 24, 32)
TARGETS = ("p50 ms", "p95 ms", "p99 ms", "errors", "hit rate %", "all targets")
CORES = ("Locust", "the workers", "PostgreSQL", "Valkey")
HEADER = ("think time", "requests", "requests/s", *TARGETS, f"cores used by {', '.join(CORES)}")
OPTIONS = f"USERS={USERS} SPAWN_RATE={SPAWN_RATE} SECONDS={SECONDS} WORKERS={WORKERS} PRODUCTS={PRODUCTS}"
REMARKS = f"""
{USERS} users, {SPAWN_RATE} more each second, for {SECONDS} s, by Locust on the same cores: 40 % lists of products, 25 %
products, 15 % categories, 10 % lists of clients, 5 % new clients, 5 % checkouts. Each user has an address of its own,
and the rate limit counts it. With the think time of 1 to 3 s they ask about {USERS // 2} times a second at the most,
whatever the server does.
"""


def main() -> None:
    with private_servers() as servers:
        servers.fill(PRODUCTS)
        servers.query("UPDATE products SET stock = stock + 1000000, supplied = supplied + 1000000")
        missed = find_highest(servers) if "highest" in sys.argv[1:] else run_once(servers)
    sys.exit(1 if missed else 0)


def run_once(servers: Servers) -> bool:
    figures = run(servers, 1, report.RESULTS / "load.html")
    plot(history(servers.folder), report.RESULTS / "load.png")
    write("load", "The shop under load", "make load", [figures])
    print("written to benchmarks/results/load.md, .json, .html and .png")
    return not is_met(figures)


def find_highest(servers: Servers) -> bool:
    runs: list[dict[str, Any]] = []
    for step in STEPS:
        runs.append(run(servers, step, servers.folder / "load.html"))
        if not is_met(runs[-1]):
            break
    write("load_highest", "The highest load that meets all targets", "make load-highest", runs)
    print("written to benchmarks/results/load_highest.md and .json")
    return not is_met(runs[0])


def run(servers: Servers, step: int, page: Path) -> dict[str, Any]:
    """Load a new service with users `step` times as busy as usual, and a limit `step` times as high.

    The service is new for each step, so that its cache counters start at 0.
    """
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": str(LIMIT_CALLS * step)}
    program = ours("the service", servers.environment(), WORKERS, **limits, RATE_LIMIT_PERIOD=str(PERIOD))
    low, high, result = 1 / step, 3 / step, servers.folder / "result.json"
    with running([program], servers.folder):
        print(f"{USERS} users, think time {low:.2g} to {high:.2g} s", flush=True)
        variables = {"THINK_MIN": str(low), "THINK_MAX": str(high), "LOAD_RESULT": str(result)}
        page.parent.mkdir(exist_ok=True)
        before = used(program, servers)
        run_locust(program.url, servers.folder, page, variables)
        cores = [(now - was) / SECONDS for now, was in zip(used(program, servers), before, strict=True)]
    return {"think": f"{low:.2g} to {high:.2g} s", "cores": cores, **json.loads(result.read_text())}


def used(program: Program, servers: Servers) -> tuple[float, ...]:
    """Return the CPU seconds so far in the order of CORES.

    Locust's come from the ended children, because Locust alone ends between two calls.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    parents = [server.process.pid for server in (servers.postgres, servers.valkey) if server.process]
    families = ([pid, *descendants(pid)] for pid in parents)
    return ended.ru_utime + ended.ru_stime, *map(cpu_seconds, (program.worker_processes(), *families))


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
    return figures["think"], *requests, *measured, "met" if is_met(figures) else "missed", cores


if __name__ == "__main__":
    main()
