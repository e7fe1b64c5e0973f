"""Growth of memory, connections and tasks under mixed load: `python -m benchmarks.memory`, or `make bench-memory`."""

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.machine import conditions
from benchmarks.common.options import Options, number
from benchmarks.common.processes import resident_bytes
from benchmarks.common.programs import Program, ours, running
from benchmarks.common.servers import ROOT, Servers, private_servers
from benchmarks.common.wrk import Sample, wrk
from benchmarks.memory.report import Counts, Moment, write

MINUTES = number("MINUTES", 10)
PRODUCTS = 10_000
MIX = (Path(__file__).parent / "mix.lua").read_text()


def main() -> None:
    options = Options.read(connections=64, rounds=1)
    with private_servers() as servers:
        servers.fill(PRODUCTS)
        servers.query("UPDATE products SET stock = stock + 100000000")
        program = counted(servers, options.workers)
        with running([program], servers.folder):
            moments, sample = watch(program, servers, options.connections)
            counts = [read_counts(servers.folder / f"{pid}.counts") for pid in program.worker_processes()]
    told = conditions("make bench-memory", f"MINUTES={MINUTES} {options}")
    write(moments, counts, sample, MINUTES, told)


def counted(servers: Servers, workers: int) -> Program:
    """Return the service in production mode with its rate limit on and a counter in each worker."""
    limit = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": "1000000000"}
    where = {**servers.environment(), "COUNTS_FOLDER": str(servers.folder)}
    program = ours("the service", where, workers, **limit)
    program.command = [sys.executable, str(ROOT / "benchmarks" / "memory" / "counted.py")]
    return program


def watch(program: Program, servers: Servers, connections: int) -> tuple[list[Moment], Sample]:
    """Record figures every second while wrk loads the service, and for ten seconds afterwards."""
    workers, samples, moments = program.worker_processes(), [], []
    load = threading.Thread(target=lambda: samples.append(wrk(program.url, connections, MINUTES * 60, MIX)))
    load.start()
    started = time.monotonic()
    ended = 0.0
    while not ended or time.monotonic() - ended < 10:
        moments.append(moment(time.monotonic() - started, workers, servers))
        tell(moments[-1])
        ended = ended or (0.0 if load.is_alive() else time.monotonic())
        time.sleep(1)
    print()
    if program.worker_processes() != workers:
        raise SystemExit("a worker was replaced meanwhile, and its memory tells nothing")
    return moments, samples[0]


def moment(second: float, workers: Sequence[int], servers: Servers) -> Moment:
    [(backends,)] = servers.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ecommerce-api'")
    return Moment(
        second=round(second, 1),
        megabytes=[round(resident_bytes(pid) / 1e6, 2) for pid in workers],
        open_files=[sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) for pid in workers],
        postgres_connections=backends,
        valkey_connections=servers.valkey_clients(),
    )


def tell(now: Moment) -> None:
    memory = " + ".join(f"{megabytes:.0f}" for megabytes in now.megabytes)
    connections = f"{now.postgres_connections} PostgreSQL and {now.valkey_connections} Valkey connections"
    print(f"\r{now.second:.0f} of {MINUTES * 60} s: {memory} MB, {connections}   ", end="", flush=True)


def read_counts(file: Path) -> list[Counts]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [Counts(*map(int, line.split())) for line in lines]


if __name__ == "__main__":
    main()
