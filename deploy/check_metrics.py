"""Check that the dashboard and the alert rules query only series that /metrics exports.

Usage: check_metrics.py ALERTS.yml DASHBOARD.json < response of /metrics
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml  # type: ignore[import-untyped] # a single call needs no stubs

BUILT_IN = {"up"}  # Prometheus adds it
KEYWORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
NAME = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()")


def exported_names(text: str) -> set[str]:
    """Return the names of all series in an exposition."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def queried_names(expression: str) -> set[str]:
    """Return the series that a PromQL expression queries: names without labels, ranges, functions, keywords."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", GROUPING.sub(" ", expression))
    return set(NAME.findall(bare)) - KEYWORDS


def dashboard_queries(dashboard: Path) -> Iterator[str]:
    """Yield the PromQL expressions of all panels."""
    for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def main(alerts: Path, dashboard: Path) -> None:
    """Exit with a line for each queried series that is not exported."""
    known = exported_names(sys.stdin.read()) | BUILT_IN
    queried = {str(dashboard): set().union(*map(queried_names, dashboard_queries(dashboard)))}
    groups = yaml.safe_load(alerts.read_text(encoding="utf-8"))["groups"]
    queried[str(alerts)] = set().union(*(queried_names(rule["expr"]) for group in groups for rule in group["rules"]))
    wrong = [f"{file}: {name} is not exported" for file, names in queried.items() for name in sorted(names - known)]
    if wrong or not all(queried.values()):
        sys.exit("\n".join(wrong) or "found no queries")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
