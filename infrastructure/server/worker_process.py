"""A worker process as its parent sees it. It is a copy of a process that has imported the application once."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess

from infrastructure.server.worker import STARTING

logger = logging.getLogger(__name__)

HUNG_SECONDS = 30  # of silence, until a worker is killed
START_SECONDS = 120  # the same for a new process: it imports its modules before its first report
LOST = 255  # exit code in place of the real one when the process is dead that workers are copied from

_copies, _others = ForkServerContext(), SpawnContext()
_copies.set_forkserver_preload(["infrastructure.server.preload"])


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, target: Callable[..., None], *arguments: object) -> None:
        self._pipe, theirs = _others.Pipe(duplex=False)
        self.process = start_process(target, *arguments, theirs)
        theirs.close()
        self.state = STARTING
        self.patience: float = START_SECONDS
        self.silence = 0.0  # seconds; time during which the parent itself is stopped does not count
        self.kill_at: float | None = None  # set as soon as the worker leaves

    @property
    def stays(self) -> bool:
        return self.kill_at is None

    def listen(self, seconds: float) -> None:
        """Read the reports of the last `seconds`."""
        self.silence += seconds
        with suppress(EOFError, OSError):
            while self._pipe.poll():
                self.state = self._pipe.recv_bytes()
                self.silence, self.patience = 0.0, HUNG_SECONDS

    def leave(self, kill_at: float) -> None:
        self.kill_at = min(kill_at, self.kill_at or kill_at)
        self.process.terminate()

    def close(self) -> None:
        self._pipe.close()
        self.process.close()


def start_process(target: Callable[..., None], *arguments: object) -> ForkServerProcess | SpawnProcess:
    """Start a copy, or else a process that imports the application itself.

    On macOS, libraries do not survive a fork. Elsewhere, the process to be copied may have died a moment ago, or its
    socket in TMPDIR was removed, or has a path of more than 107 bytes.
    """
    if sys.platform == "linux":
        try:
            copy = _copies.Process(target=target, args=arguments)
            copy.start()
        except (EOFError, OSError) as error:
            logger.warning("A worker is no copy, and imports the application itself: %r", error)
        else:
            return copy
    other = _others.Process(target=target, args=arguments)
    other.start()
    return other
