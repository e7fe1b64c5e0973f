"""Rows that break a rule that a migration introduces. The migration stops and names them; people decide what to do."""

from collections.abc import Iterable, Sequence

NAMED = 10


def stop_for(migration: str, faults: Iterable[tuple[str, Sequence[object]]]) -> None:
    """Exit if any fault has rows, with its description and at most NAMED keys. Values may be personal."""
    found = [f"{fault}: {_keys(rows)}" for fault, rows in faults if rows]
    if found:
        head = (
            f"migration {migration} changes nothing, because these rows break its rules (docs/OPERATIONS.md#upgrades):"
        )
        raise SystemExit("\n  ".join([head, *found]))


def _keys(rows: Sequence[object]) -> str:
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return ", ".join(map(str, rows[:NAMED])) + more
