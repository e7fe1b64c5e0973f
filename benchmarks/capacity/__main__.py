"""Throughput of 1, 2 and 4 workers, and the CPU time of a request: `python -m benchmarks.capacity`."""

import os
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import matplotlib as mpl

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import Program, cpu_seconds, descendants, ours, running
from benchmarks.common.servers import Servers, private_servers
from benchmarks.common.wrk import wrk
from benchmarks.lists.scale import CHECK_OUT, POST, SIGN_UP

mpl.use("Agg")

import matplotlib.pyplot as plt

WORKERS = (1, 2, 4)
SHOP = 1000
HEADER = (
    "what",
    *(f"{count} worker{'s' * (count > 1)}, requests/s" for count in WORKERS),
    "CPU us in a worker",
    "CPU us in PostgreSQL",
    "a core of PostgreSQL bears",
)
REMARKS = f"""
{SHOP:,} products, fsync on; the load generator, the workers, PostgreSQL and Valkey share the cores. CPU time is that of
the processes, from `/proc`, of the run with one worker. The last column is what follows from it, in requests/s.
"""


class Operation(NamedTuple):
    what: str
    path: str
    script: str = ""


class Figures(NamedTuple):
    """Figures of one run; CPU time in microseconds for each request."""

    rate: float
    worker: float
    postgres: float


Found = dict[tuple[str, int], list[Figures]]
"""Figures of all runs by operation and number of workers."""


def main() -> None:
    options = Options.read(seconds=4)
    with private_servers() as servers:
        servers.fill(SHOP)
        servers.query("UPDATE products SET stock = stock + 100000000, supplied = supplied + 100000000")
        operations = asked(servers)
        programs = [ours(f"{count} workers", servers.environment(), count) for count in WORKERS]
        with running(programs, servers.folder):
            measured = measure(operations, programs, servers, options)
    write(operations, measured, options)


def asked(servers: Servers) -> list[Operation]:
    [(first, second)] = servers.query("SELECT min(id_key), max(id_key) FROM products")
    return [
        Operation("a cached product", f"/products/{first}"),
        Operation("a page of 10 clients, not cached", "/clients?limit=10"),
        Operation("create a client", "/clients", POST % SIGN_UP),
        Operation("checkout of two products", "/orders/checkout", POST % f"{CHECK_OUT}, {first}, {second}"),
    ]


def measure(operations: Sequence[Operation], programs: Sequence[Program], servers: Servers, options: Options) -> Found:
    """Run every operation on every program in each round. Round 0 only warms up and is discarded."""
    found: Found = {}
    for number in range(1 + options.rounds):
        for operation in operations:
            for program in programs if number % 2 else reversed(programs):
                figures = run(operation, program, servers, options)
                print(
                    f"round {number}/{options.rounds}  {operation.what}: {program.name}  {figures.rate:,.0f}/s",
                    flush=True,
                )
                if number:
                    found.setdefault((operation.what, program.workers), []).append(figures)
    return found


def run(operation: Operation, program: Program, servers: Servers, options: Options) -> Figures:
    """Load one program and return rate and CPU time.

    CPU time of processes that end during the run would be lost. The backends of PostgreSQL do not end,
    because the workers keep their connections open.
    """
    assert servers.postgres.process
    parent = servers.postgres.process.pid
    before = cpu_seconds(program.worker_processes()), cpu_seconds(descendants(parent))
    sample = wrk(program.url + operation.path, options.connections, options.seconds, operation.script)
    after = cpu_seconds(program.worker_processes()), cpu_seconds(descendants(parent))
    if sample.refused or sample.broken:
        raise SystemExit(f"{operation.what}: {sample.refused} refused, {sample.broken} without an answer")
    worker, postgres = (1e6 * (now - was) / sample.requests for now, was in zip(after, before, strict=True))
    return Figures(sample.rate, worker, postgres)


def write(operations: Sequence[Operation], found: Found, options: Options) -> None:
    table = report.table(HEADER, [line(operation.what, found) for operation in operations])
    told = conditions("make bench-capacity", options)
    raw = [
        {"what": what, "workers": count, "runs": [run._asdict() for run in of]} for (what, count), of in found.items()
    ]
    report.save(
        "capacity", f"# Capacity\n\n{REMARKS.strip()}\n\n{table}\n\n{report.facts(told)}", {**told, "rows": raw}
    )
    plot(operations, found)
    print(f"\n{table}\n\nwritten to benchmarks/results/capacity.md, .json and .png")


def line(what: str, found: Found) -> tuple[object, ...]:
    rates = [median(run.rate for run in found[what, count]) for count in WORKERS]
    alone = found[what, WORKERS[0]]
    worker, postgres = median(run.worker for run in alone), median(run.postgres for run in alone)
    bears = f"{1e6 / postgres:,.0f}" if postgres > 1 else "-"
    return what, *(f"{rate:,.0f}" for rate in rates), f"{worker:.0f}", f"{postgres:.0f}", bears


def plot(operations: Sequence[Operation], found: Found) -> None:
    picture, axis = plt.subplots(figsize=(9, 4))
    for operation in operations:
        rates = [median(run.rate for run in found[operation.what, count]) for count in WORKERS]
        axis.plot(WORKERS, rates, marker="o", label=operation.what)
    axis.set_yscale("log")
    axis.set_xticks(WORKERS)
    axis.set_xlabel(f"workers, on {os.cpu_count()} cores")
    axis.set_ylabel("requests/s")
    axis.legend(fontsize=8)
    axis.grid(which="both", alpha=0.2)
    picture.suptitle("Capacity", fontsize=11)
    picture.tight_layout()
    picture.savefig(report.RESULTS / "capacity.png", dpi=130)
    plt.close(picture)


if __name__ == "__main__":
    main()
