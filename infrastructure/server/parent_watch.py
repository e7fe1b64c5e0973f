"""A thread in each worker that stops the worker when its parent process dies."""

import multiprocessing
import os
import signal
import threading


def die_with_parent() -> None:
    """Stop this worker gracefully if its parent dies without stopping it (`kill -9`).

    A surviving worker would keep serving, and would block the port for the next start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
