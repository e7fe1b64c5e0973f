"""Check that dashboards and alert rules query only series that /metrics or an exporter exports.

Usage: check_metrics.py FILE... < response of /metrics; files of rules (.yml) and dashboards (.json)
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml  # type: ignore[import-untyped] # a single call needs no stubs

BUILT_IN = {"up"}  # Prometheus adds it
# Of the exporters and Alertmanager, as far as they are used: taken from their sources.
OTHERS = {
    *("pg_up", "pg_settings_max_connections", "pg_database_size_bytes", "pg_locks_count"),
    *("pg_stat_database_numbackends", "pg_stat_database_deadlocks", "pg_stat_database_temp_bytes"),
    *("pg_stat_database_xact_commit", "pg_stat_database_xact_rollback"),
    *("pg_stat_database_blks_hit", "pg_stat_database_blks_read"),
    *("redis_up", "redis_memory_used_bytes", "redis_memory_max_bytes", "redis_connected_clients", "redis_db_keys"),
    *("redis_commands_processed_total", "redis_evicted_keys_total", "redis_expired_keys_total"),
    "alertmanager_notifications_failed_total",
}
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


def rule_queries(rules: Path) -> Iterator[str]:
    """Yield the PromQL expressions of all rules."""
    for group in yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def main(files: list[Path]) -> None:
    """Exit with a line for each queried series that is not exported."""
    known = exported_names(sys.stdin.read()) | BUILT_IN | OTHERS
    queried: dict[str, set[str]] = {}
    for file in files:
        queries = dashboard_queries(file) if file.suffix == ".json" else rule_queries(file)
        queried[str(file)] = set().union(*map(queried_names, queries))
    wrong = [f"{file}: {name} is not exported" for file, names in queried.items() for name in sorted(names - known)]
    if wrong or not all(queried.values()):
        sys.exit("\n".join(wrong) or "found no queries")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
