"""Usable cores: CPU affinity of a real process, CPU quotas of fake cgroups."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.server import cores
from infrastructure.server.cores import usable_cores
from tests.servers import ROOT


@pytest.fixture
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_schedulable_cores", lambda: 8)


def fake_root(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


GROUPS = "proc/self/cgroup"
MOUNT = "sys/fs/cgroup"
V1 = {GROUPS: "9:name=systemd:/x\n2:cpu,cpuacct:/docker/1\n1:cpuset:/docker/1\n"}

QUOTAS: dict[str, tuple[dict[str, str], int]] = {
    "no cgroups": ({}, 8),
    "v2 without a quota": ({GROUPS: "0::/\n", f"{MOUNT}/cpu.max": "max 100000\n"}, 8),
    "v2 in a container": ({GROUPS: "0::/\n", f"{MOUNT}/cpu.max": "200000 100000\n"}, 2),
    "v2, rounded up": ({GROUPS: "0::/\n", f"{MOUNT}/cpu.max": "250000 100000\n"}, 3),
    "v2, less than a core": ({GROUPS: "0::/\n", f"{MOUNT}/cpu.max": "20000 100000\n"}, 1),
    "v2, more than the cores": ({GROUPS: "0::/\n", f"{MOUNT}/cpu.max": "6400000 100000\n"}, 8),
    "v2, own group": (
        {
            GROUPS: "0::/system.slice/shop.service\n",
            f"{MOUNT}/system.slice/shop.service/cpu.max": "150000 50000\n",
            f"{MOUNT}/system.slice/cpu.max": "max 100000\n",
        },
        3,
    ),
    "v2, a group above": (
        {
            GROUPS: "0::/shop.slice/shop.service\n",
            f"{MOUNT}/shop.slice/shop.service/cpu.max": "max 100000\n",
            f"{MOUNT}/shop.slice/cpu.max": "100000 100000\n",
        },
        1,
    ),
    "v2 beside v1": ({GROUPS: "1:cpu:/\n0::/x\n", f"{MOUNT}/unified/x/cpu.max": "200000 100000\n"}, 2),
    "v1": (
        V1
        | {
            f"{MOUNT}/cpu,cpuacct/docker/1/cpu.cfs_quota_us": "150000\n",
            f"{MOUNT}/cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000\n",
        },
        2,
    ),
    "v1 in a container that sees the path of its host": (
        V1 | {f"{MOUNT}/cpu/cpu.cfs_quota_us": "300000\n", f"{MOUNT}/cpu/cpu.cfs_period_us": "100000\n"},
        3,
    ),
    "v1 without a quota": (
        V1 | {f"{MOUNT}/cpu/cpu.cfs_quota_us": "-1\n", f"{MOUNT}/cpu/cpu.cfs_period_us": "100000\n"},
        8,
    ),
    "nonsense": ({GROUPS: "0::/\n", f"{MOUNT}/cpu.max": "much\n"}, 8),
}


@pytest.mark.usefixtures("_eight_cores")
@pytest.mark.parametrize(("files", "expected"), QUOTAS.values(), ids=QUOTAS)
def test_quotas(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    assert usable_cores(fake_root(tmp_path, files)) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_affinity(tmp_path: Path) -> None:
    program = (
        "import os; from pathlib import Path; from infrastructure.server.cores import usable_cores\n"
        "print(usable_cores(Path('.')))\n"
        "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "print(usable_cores(Path('.')))"
    )
    command = [sys.executable, "-c", program]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(os.sched_getaffinity(0))), "1"]
