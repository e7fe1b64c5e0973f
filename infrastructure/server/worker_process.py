"""A worker process as its parent sees it. It is a copy of a process that has imported the application once."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerContext, SpawnContext

from infrastructure.server.worker import STARTING

HUNG_SECONDS = 30  # of silence, until a worker is killed
START_SECONDS = 120  # the same for a new process: it imports its modules before its first report
LOST = 255  # exit code in place of the real one when the process is dead that workers are copied from

# The socket of the process that workers are copied from has a path in this folder, of 107 bytes at most. Python 3.14
# takes another folder if it is too long; until then, workers import the application themselves.
_can_copy = len(tempfile.gettempdir().encode()) + len("/pymp-12345678/listener-12345678") <= 107
_processes = (ForkServerContext if _can_copy else SpawnContext)()
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
