"""CPU time and memory of processes, from /proc."""

import os
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def cpu_seconds(parent: int) -> float:
    """Return the user and system time of a process and its descendants, also of those that have ended.

    Fields 14 to 17 of proc_pid_stat(5): the last two belong to the children that have been waited for.
    """
    ticks = 0
    for pid in (parent, *descendants(parent)):
        with suppress(FileNotFoundError, ProcessLookupError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, stat[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return 0 for a process that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return 0
