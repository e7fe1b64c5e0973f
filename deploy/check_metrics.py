"""Check that /metrics exports every series used by the dashboard and the alert rules; other queries stay empty.

Usage: check_metrics.py ALERTS.yml DASHBOARD.json < response of /metrics
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml  # type: ignore[import-untyped] # a single call does not justify stubs

ALWAYS_THERE = {"up"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
NAME = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()")


def exported(text: str) -> set[str]:
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def used(expression: str) -> set[str]:
    """Return the series in a PromQL expression: its names without strings, label lists, ranges, functions, keywords."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", GROUPING.sub(" ", expression))
    return set(NAME.findall(bare)) - WORDS


def dashboard_queries(dashboard: Path) -> Iterator[str]:
    for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def main(alerts: Path, dashboard: Path) -> None:
    known = exported(sys.stdin.read()) | ALWAYS_THERE
    asked = {str(dashboard): set().union(*map(used, dashboard_queries(dashboard)))}
    groups = yaml.safe_load(alerts.read_text(encoding="utf-8"))["groups"]
    asked[str(alerts)] = set().union(*(used(rule["expr"]) for group in groups for rule in group["rules"]))
    wrong = [f"{file}: nothing exports {name}" for file, names in asked.items() for name in sorted(names - known)]
    if wrong or not all(asked.values()):
        sys.exit("\n".join(wrong) or "no queries found")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
