"""Starts the service as `run_production.py` does, with a counter of tasks and futures in each worker.

Workers import the launcher's main module again, which is this one, and so get their counter. It writes a line every few
seconds into the file <process>.counts in COUNTS_FOLDER.
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
    """What exists, waited for or forgotten; what the start has made is left out, since it was frozen."""
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
