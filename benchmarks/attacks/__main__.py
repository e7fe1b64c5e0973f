"""Acceptance of the bounds for hostile input: `python -m benchmarks.attacks`, or `make bench-attacks`.

Hostile connections (`connections`), then tokens with unknown keys (`tokens`); an argument selects one of them.
"""

import sys

from benchmarks.attacks import connections, tokens
from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.report import Target
from benchmarks.common.servers import private_servers

PARTS = {"connections": connections.run, "tokens": tokens.run}


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        sys.exit(f"{', '.join(unknown)}: one of {', '.join(PARTS)} is expected")
    texts: list[str] = []
    targets: list[Target] = []
    figures: dict[str, object] = {}
    with private_servers() as servers:
        servers.fill(products=1000)
        for part in chosen:
            text, met, figures[part] = PARTS[part](servers)
            texts.append(text)
            targets += met
    told = conditions("python -m benchmarks.attacks", " ".join(sys.argv[1:]))
    texts.append(f"## Targets\n\n{report.targets_table(targets)}")
    report.save("attacks", "\n\n".join(["# Attacks", *texts, report.facts(told)]), {**told, **figures})
    print("\n".join(texts), "\n\nwritten to benchmarks/results/attacks.md and .json")
    if not all(target.is_met for target in targets):
        sys.exit("a target is missed")


if __name__ == "__main__":
    main()
