"""Process of an embedded server: start, wait until ready, stop, and never leave it behind."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from infrastructure.embedded.ports import free_port

START_SECONDS = 60  # includes the recovery after a crash
STOP_SECONDS = 30


class EmbeddedServer(ABC):
    """Server on loopback that ends together with the process that started it, even if that one is killed.

    `fast` gives up durability after a power failure and is for tests.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, port: int, password: str, *, fast: bool = False) -> None:
        self.folder, self.port, self.password, self.fast = folder.resolve(), port, password, fast
        self.process: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "server.log"
        self._pid_file = self.folder / "server.pid"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it accepts connections.

        Takes another port when another program has just taken this one. Exits with the end of the server's log when
        the server does not start.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stop_leftover()
        self.log.unlink(missing_ok=True)
        self.launch()
        if self.has_exited() and (free := free_port(self.port)) != self.port:
            self.port = free
            self.launch()
        if self.has_exited() or not self._accepts_connections():
            self.stop()
            end_of_log = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
            sys.exit(f"{self.name} did not start on port {self.port}. Last lines of {self.log}:\n{end_of_log}")

    def launch(self, is_canceled: Callable[[], bool] = lambda: False) -> None:
        """Start the process on the current port. Return when it accepts connections, ended, or `is_canceled`."""
        self._prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 # a program installed with this project
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only the application, which stops its servers last
            )
        self._pid_file.write_text(str(self.process.pid))
        _poll(lambda: self.has_exited() or is_canceled() or self._accepts_connections(), START_SECONDS)

    def stop(self) -> None:
        """Stop the server, and kill it if it still runs after STOP_SECONDS."""
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self._pid_file.unlink(missing_ok=True)

    def has_exited(self) -> bool:
        """Return True if the server does not run."""
        return self.process is None or self.process.poll() is not None

    def _stop_leftover(self) -> None:
        """Stop a server of this folder that outlived its launcher or is still shutting down."""
        pid = read_pid(self._pid_file)
        if self.is_named_in(command_line(pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)
            _poll(lambda: not self.is_named_in(command_line(pid)), STOP_SECONDS)

    def is_named_in(self, command: bytes) -> bool:
        """Return True if the command line belongs to a server of this folder, and not to another program."""
        return os.fsencode(self.folder) in command

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _accepts_connections(self) -> bool: ...


def _poll(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until `condition` is true. Return False if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return met


def read_pid(file: Path) -> int:
    """Return the number at the start of `file`, or 0."""
    words = file.read_text().split() if file.exists() else []
    return int(words[0]) if words else 0


def command_line(pid: int) -> bytes:
    """Return the command line of a process, empty when there is no such process."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return b""
    ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, check=False).stdout  # noqa: S603 # a constant and a number
