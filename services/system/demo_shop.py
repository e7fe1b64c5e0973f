"""Filling the shop with demo data from within the service, for development only.

`./shop demo` runs in a process of its own, because its packages are not installed with the service.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "scripts.shop", "demo", "--json")
INSTALLS_FIRST = ("make", "--silent", f"--directory={ROOT}", "demo", "ARGS=--json")


async def fill_demo_shop() -> AsyncGenerator[dict[str, Any]]:
    """Yield the progress, and at the end `{"added"}` or `{"error"}`. The data is complete or absent.

    Closing the generator ends the process.
    """
    command = DEMO if find_spec("faker") else INSTALLS_FIRST
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    except FileNotFoundError:
        yield {"error": "`make` is missing: install requirements-demo.txt, then run `./shop demo`"}
        return
    errors = asyncio.create_task(_read(process.stderr))
    try:
        async for line in _lines(process):
            yield line
        if await process.wait():
            reason = (await errors).decode(errors="replace").strip().splitlines()
            yield {"error": reason[-1] if reason else f"The command ended with {process.returncode}"}
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await errors


async def _lines(process: Process) -> AsyncGenerator[dict[str, Any]]:
    """Yield the lines of JSON. Others tell the progress of the installation."""
    assert process.stdout  # noqa: S101 # a pipe
    async for line in process.stdout:
        text = line.decode(errors="replace").strip()
        yield json.loads(text) if text.startswith("{") else {"step": text}


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""
