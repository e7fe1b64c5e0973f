"""Compressed lists against plain ones: `python -m benchmarks.compression`."""

import urllib.request
from collections.abc import Sequence

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import UNREACHABLE, Program, ours, running
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import private_servers

HIT, READ = "a cached list of 100 products", "an uncached list of 100 clients"
PATHS = {HIT: "/products?skip=0&limit=100", READ: "/clients?skip=0&limit=100"}
PLAIN, CODINGS = "plain", ("gzip", "zstd")
SCRIPT = """
local asked
function next_request()
  asked = asked or wrk.format("GET", "%s", {%s})
  return asked
end
"""
REMARKS = """
All variants are requests to the same workers, with the limiter. The load generator does not decompress.
"""


def main() -> None:
    options = Options.read(connections=64)
    with private_servers() as servers:
        servers.fill(products=1000)
        limit = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": UNREACHABLE}
        program = ours("ours", servers.environment(), options.workers, **limit)
        with running([program], servers.folder):
            sizes = [f"{operation}: {size(program, path)}" for operation, path in PATHS.items()]
            cases = [case(program, operation, name) for operation in PATHS for name in (PLAIN, *CODINGS)]
            rows = measure(cases, options)
    told = conditions("make bench-compression", options)
    remarks = REMARKS + "".join(f"\n- {line}" for line in sizes)
    report.write("compression", "Compression", rows, (PLAIN,), told, remarks, targets(rows))


def case(program: Program, operation: str, name: str) -> Case:
    header = f'["Accept-Encoding"] = "{name}"' if name != PLAIN else ""
    return Case(operation, name, program, PATHS[operation], SCRIPT % (PATHS[operation], header))


def size(program: Program, path: str) -> str:
    """Return the bytes of the body in each form. Exit if a form has another coding than the one asked for."""
    told = []
    for name in (PLAIN, *CODINGS):
        headers = {} if name == PLAIN else {"Accept-Encoding": name}
        with urllib.request.urlopen(urllib.request.Request(program.url + path, headers=headers)) as response:
            if response.getheader("Content-Encoding", PLAIN) != name:
                raise SystemExit(f"{path} is not in {name}")
            told.append(f"{len(response.read()):,} bytes {name}")
    return ", ".join(told)


def targets(rows: Sequence[Row]) -> list[Target]:
    return [
        Target(
            f"requests/s: {operation}, {name} / plain",
            find(rows, operation, name).ratio(find(rows, operation, PLAIN)),
            0.8,
        )
        for operation in PATHS
        for name in CODINGS
    ]


if __name__ == "__main__":
    main()
