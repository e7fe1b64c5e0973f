"""A worker process as its parent sees it. It is a copy of a process that has imported the application once."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from infrastructure.server.worker import STARTING

HUNG_SECONDS = 30  # of silence, until a worker is killed
START_SECONDS = 120  # the same for a new process: it imports its modules before its first report
LOST = 255  # exit code in place of the real one when the process is dead that workers are copied from

LONGEST_SOCKET_PATH = 107  # bytes, of Linux


def can_copy() -> bool:
    """Tell whether workers can be copies: not on macOS, whose libraries do not survive a fork.

    The path of the socket to the process that they are copied from must not be too long. Python 3.14 chooses another
    folder itself.
    """
    socket = Path(tempfile.gettempdir(), "pymp-12345678", "listener-12345678")
    return sys.platform == "linux" and len(bytes(socket)) <= LONGEST_SOCKET_PATH


_processes = (ForkServerContext if can_copy() else SpawnContext)()
_processes.set_forkserver_preload(["infrastructure.server.preload"])


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, target: Callable[..., None], *arguments: object) -> None:
        self._pipe, theirs = _processes.Pipe(duplex=False)
        self.process = _processes.Process(target=target, args=(*arguments, theirs))
        self.process.start()
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
