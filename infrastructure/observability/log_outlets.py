"""Handlers that write finished lines: the console and the log files."""

import logging
import os
import sys
from pathlib import Path
from select import PIPE_BUF

from concurrent_log_handler import ConcurrentRotatingFileHandler

STDOUT = 1


class Console(logging.Handler):
    """Handler that writes whole lines to the standard output, past Python's buffer.

    A thread that hangs inside the buffer would hold its lock, and Python could not end.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write the lines. Raises OSError."""
        part = b""
        for line in _encode(record.msg).splitlines(keepends=True):
            # Several processes write to the pipe. Up to PIPE_BUF bytes, the kernel does not mix their writes.
            if part and len(part) + len(line) > PIPE_BUF:
                _write_all(STDOUT, part)
                part = b""
            part += line
        _write_all(STDOUT, part)


class LogFile(ConcurrentRotatingFileHandler):
    """File that several processes write to, in whole lines."""

    def open(self) -> None:
        """Open the file and its lock ahead of the first line, while there are file descriptors. Raises OSError."""
        self._make_folder()
        self._do_lock()
        try:
            self._open_stream()
        finally:
            self._do_unlock()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, also after the folder was removed. Raises OSError."""
        if self.stream_lock is None:
            self._make_folder()
        super().emit(record)

    def do_write(self, msg: str) -> None:
        """Append the line, or nothing when the disk is full. The caller holds the lock between processes."""
        descriptor = self._open_stream()
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, _encode(msg))
        except OSError:
            os.ftruncate(descriptor, size)
            raise

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 # name of the base class
        """Raise the error that `emit` has caught."""
        if error := sys.exception():
            raise error

    def _open_stream(self) -> int:
        if self.stream is None or self.stream.closed:
            self._make_folder()
            self.stream = self.do_open()
        return self.stream.fileno()

    def _make_folder(self) -> None:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)


def _encode(lines: str) -> bytes:
    return f"{lines}\n".encode(errors="backslashreplace")


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
