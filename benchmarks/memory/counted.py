"""Launcher like `run_production.py`, with a counter of tasks and futures in each worker.

Each worker imports the launcher's main module again. That module is this one, so the worker gets a counter. The counter
writes a line every PERIOD_SECONDS to the file <process>.counts in COUNTS_FOLDER.
"""

import gc
import os
import threading
import time
from asyncio import Future, Task
from pathlib import Path

import run_production

PERIOD_SECONDS = 5


def count() -> None:
    """Count all tasks and futures every PERIOD_SECONDS. Objects of the start are frozen and not counted."""
    file = Path(os.environ["COUNTS_FOLDER"]) / f"{os.getpid()}.counts"
    while True:
        time.sleep(PERIOD_SECONDS)
        objects = gc.get_objects()
        tasks = sum(isinstance(item, Task) for item in objects)
        futures = sum(isinstance(item, Future) for item in objects) - tasks
        with file.open("a") as lines:
            lines.write(f"{time.time():.0f} {tasks} {futures} {len(objects)}\n")
        del objects


if __name__ == "__main__":
    run_production.main()
elif __name__ == "__mp_main__":
    threading.Thread(target=count, daemon=True).start()
