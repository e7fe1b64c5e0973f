"""Number of CPU cores that this process may use, which is the default number of workers."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Return the cores that the CPU affinity and the CPU quotas allow, rounded up, at least 1.

    `root` is the folder of `proc` and `sys`.
    """
    return max(1, math.ceil(min([_schedulable_cores(), *_quotas(root)])))


def _schedulable_cores() -> int:
    if hasattr(os, "process_cpu_count"):  # Python 3.13 and newer
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Yield the CPU quotas of this process's cgroups, version 1 and 2, and of their ancestors, in cores.

    A container may see the path of its cgroup on the host. Its own mount then holds the quota at the top.
    """
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or "cpu" in controllers.split(","):
                for mount in {
                    root / "sys/fs/cgroup" / name for name in (controllers, "cpu" if controllers else "unified")
                }:
                    folder = mount / path.lstrip("/")
                    for ancestor in (folder, *folder.parents):
                        if ancestor.is_relative_to(mount):
                            yield from _quota(ancestor)


def _quota(folder: Path) -> Iterator[float]:
    with suppress(OSError, ValueError):  # no such file, or "max", which is no quota
        if (file := folder / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        if float(quota) > 0:  # -1 is no quota
            yield float(quota) / float(period)
