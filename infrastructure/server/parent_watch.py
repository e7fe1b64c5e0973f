"""How a worker process stands to the process that started it."""

import multiprocessing
import os
import signal
import threading


def die_with_parent() -> None:
    """Let this worker stop, gracefully, when its parent has ended without stopping it (`kill -9`).

    Workers that outlived their parent would go on serving, and keep the port from the next start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
