"""Supervisor of embedded servers: it restarts a server that ends while the service runs."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infrastructure.embedded.process import EmbeddedServer

logger = logging.getLogger(__name__)

CHECK_SECONDS = 0.2
PAUSES = (0, 1, 2, 4, 8, 16, 30)
"""Seconds before each restart in a row. After the last one the server stays down."""
STABLE_SECONDS = 60  # a server that ran for this long begins a new row


@contextmanager
def supervised(server: EmbeddedServer) -> Iterator[None]:
    """Restart the running server on its port whenever it ends, until the block ends. Log one line for each restart.

    The thread lives until then, because the kernel stops a server together with the thread that started it.
    """
    ending = threading.Event()
    thread = threading.Thread(target=_watch, args=(server, ending), name=f"{server.name}-supervisor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _watch(server: EmbeddedServer, ending: threading.Event) -> None:
    restarts, started = 0, time.monotonic()
    while not ending.wait(CHECK_SECONDS):
        if not server.has_exited():
            continue
        if time.monotonic() - started >= STABLE_SECONDS:
            restarts = 0
        if restarts == len(PAUSES):
            logger.error("%s ended again after %s restarts and stays down: %s", server.name, restarts, server.log)
            return
        logger.warning("%s ended (%s), restarting it on port %s", server.name, _reason(server), server.port)
        if ending.wait(PAUSES[restarts]):
            return
        restarts, started = restarts + 1, time.monotonic()
        try:
            server.launch(is_canceled=ending.is_set)
        except (SystemExit, OSError) as error:  # such as programs that were removed meanwhile
            logger.warning("%s does not start: %s", server.name, error)


def _reason(server: EmbeddedServer) -> str:
    code = server.process.returncode if server.process else 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
