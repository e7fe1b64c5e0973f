"""Installation of tools on first use, for root on Debian and Ubuntu."""

import os
import shutil
import subprocess


def install(*packages: str) -> None:
    """Install Debian packages, or do nothing if this user or this system cannot."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing {', '.join(packages)} ...", flush=True)
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], stdout=subprocess.DEVNULL, check=False)
