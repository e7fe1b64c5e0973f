"""Acceptance of the shipped defaults: `python -m benchmarks.defaults`, or `make bench-defaults`.

Replacement of workers under load (`recycling`), then the sizes of the pools (`pools`); an argument selects one of them.
"""

import sys

from benchmarks.common.servers import private_servers
from benchmarks.defaults import pools, recycling

PARTS = {"recycling": recycling.run, "pools": pools.run}


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        sys.exit(f"{', '.join(unknown)}: one of {', '.join(PARTS)} is expected")
    with private_servers() as servers:
        servers.fill(products=1000)
        for part in chosen:
            PARTS[part](servers)


if __name__ == "__main__":
    main()
