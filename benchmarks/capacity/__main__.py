"""Throughput of 1, 2 and 4 workers, and the CPU time of a request: `python -m benchmarks.capacity`."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.capacity.report import CHECKOUT, TUNED, WORKERS, Figures, Found, write
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.processes import cpu_seconds
from benchmarks.common.programs import SHIPPED, Program, ours, running, shipped
from benchmarks.common.servers import Servers, private_servers
from benchmarks.common.wrk import wrk
from benchmarks.lists.scale import CHECK_OUT, POST, SIGN_UP

SHOP = 1000
REMARKS = f"""
{SHOP:,} products, fsync on; the load generator, the workers, PostgreSQL and Valkey share the cores. CPU time is that of
the processes, from `/proc`, of the run with one worker. The last column is what follows from it, in requests/s.

"{SHIPPED}" is `make run-production` with no setting but RATE_LIMIT_CALLS: one worker for each core, the rate limit on,
workers replaced. The others are tuned: no rate limit, no replacement, no log files.
"""


class Operation(NamedTuple):
    what: str
    path: str
    script: str = ""


def main() -> None:
    options = Options.read(seconds=4)
    with private_servers() as servers:
        servers.fill(SHOP)
        servers.query("UPDATE products SET stock = stock + 100000000")
        operations = asked(servers)
        where = servers.environment()
        programs = [ours(name, where, count) for name, count in zip(TUNED, WORKERS, strict=True)] + [shipped(where)]
        with running(programs, servers.folder):
            measured = measure(operations, programs, servers, options)
    write([operation.what for operation in operations], measured, conditions("make bench-capacity", options), REMARKS)


def asked(servers: Servers) -> list[Operation]:
    [(first, second)] = servers.query("SELECT min(id_key), max(id_key) FROM products")
    return [
        Operation("a cached product", f"/products/{first}"),
        Operation("a page of 10 clients, not cached", "/clients?limit=10"),
        Operation("create a client", "/clients", POST % SIGN_UP),
        Operation(CHECKOUT, "/orders/checkout", POST % f"{CHECK_OUT}, {first}, {second}"),
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
                    found.setdefault((operation.what, program.name), []).append(figures)
    return found


def run(operation: Operation, program: Program, servers: Servers, options: Options) -> Figures:
    """Load one program and return its figures. The CPU time includes that of processes that end meanwhile."""
    assert program.process
    assert servers.postgres.process
    parents = program.process.pid, servers.postgres.process.pid
    before = [cpu_seconds(parent) for parent in parents]
    sample = wrk(program.url + operation.path, options.connections, options.seconds, operation.script)
    after = [cpu_seconds(parent) for parent in parents]
    program.settle()
    if sample.refused or sample.broken:
        raise SystemExit(f"{operation.what}: {sample.refused} refused, {sample.broken} without an answer")
    worker, postgres = (1e6 * (now - was) / sample.requests for now, was in zip(after, before, strict=True))
    return Figures(sample.rate, sample.p99_ms, worker, postgres)


if __name__ == "__main__":
    main()
