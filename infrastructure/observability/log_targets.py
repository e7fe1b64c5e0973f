"""Targets of log lines: the console and the log files. Each has a queue and a thread, so none waits for another."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

# Bounds the memory while nobody reads the console or the disk hangs: about 30 MB for each target.
MAX_WAITING = 20_000
# Pause after the last lost line before a target counts as working again, so that a report is made once.
QUIET_SECONDS = 1.0

# Lines that are written together: one lock between processes for all of them.
BATCH = 100

Report = Callable[["LogTarget", int, str], None]

IN_ERROR_LOG = {"in_error_log": True}
"""`extra` of a line below ERROR that an operator needs in `error.log`, such as the reason for an outage."""

lost_lines: Counter[str] = Counter()
"""Lines that this process could not write, by the name of the target."""


class Notice(logging.LogRecord):
    """Finished text that no formatter changes."""

    def __init__(self, text: str) -> None:
        super().__init__("notice", logging.INFO, __file__, 0, text, (), None)


class Outlet(NamedTuple):
    """A handler that writes finished lines, the formatter that makes them, and the condition for writing a record."""

    handler: logging.Handler
    formatter: logging.Formatter
    accepts: Callable[[logging.LogRecord], bool] = lambda _: True


class LogTarget:
    """One or more outlets with a queue and a thread of their own.

    A target that hangs or fails loses lines. It reports the first loss to the other targets, and the number of lost
    lines to all of them when it works again.
    """

    def __init__(self, name: str, outlets: Sequence[Outlet], report: Report) -> None:
        """`report` takes the target, a level and a message."""
        self.name = name
        self._outlets = outlets
        self._report = report
        # An event is set and None ends the thread when it is their turn.
        self._waiting: SimpleQueue[logging.LogRecord | threading.Event | None] = SimpleQueue()
        self._lost = 0
        self._lost_at = 0.0
        self._losing = threading.RLock()  # reentrant, because a signal handler may log
        threading.Thread(target=self._run, name=f"log-{name}", daemon=True).start()

    def put(self, record: logging.LogRecord) -> None:
        """Queue the record, or lose it when MAX_WAITING records wait."""
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put(record)
        else:
            self._lose("it does not take them")

    def written(self) -> threading.Event:
        """Return an event that is set when all queued records are written or lost."""
        event = threading.Event()
        self._waiting.put(event)
        return event

    def end(self) -> None:
        """End the thread and close the handlers after the queued records."""
        self._waiting.put(None)

    def _run(self) -> None:
        item: logging.LogRecord | threading.Event | None = None
        while True:
            try:
                item = self._waiting.get(timeout=QUIET_SECONDS if self._lost else None)
            except Empty:
                self._report_end()
                continue
            batch = []
            while isinstance(item, logging.LogRecord):
                batch.append(item)
                # Line by line after a loss, so that the last free space of a disk is used.
                if self._lost or len(batch) == BATCH or self._waiting.empty():
                    break
                item = self._waiting.get()  # this thread alone takes items, so there is one
            if problem := self._write(batch):
                self._lose(str(problem), len(batch))
            elif self._lost and (isinstance(item, threading.Event) or self._is_quiet()):
                self._report_end()
            if isinstance(item, threading.Event):
                item.set()
            elif item is None:
                break
        for outlet in self._outlets:
            outlet.handler.close()

    def _write(self, records: list[logging.LogRecord]) -> Exception | None:
        """Write the records to all outlets that accept them. Return the last error, if any.

        Handlers are not locked, because one thread writes. `logging.shutdown` would wait for the lock of a thread that
        hangs, and with it the process.
        """
        problem = None
        for handler, formatter, accepts in self._outlets:
            try:
                lines = [_format(formatter, record) for record in records if accepts(record)]
                if lines:
                    handler.emit(make_record(logging.NOTSET, "\n".join(lines)))
            except Exception as error:  # the thread must go on
                problem = error
        return problem

    def _lose(self, reason: str, lines: int = 1) -> None:
        with self._losing:
            is_first = not self._lost
            self._lost += lines
            self._lost_at = time.monotonic()
            lost_lines[self.name] += lines
        if is_first:
            self._report(self, logging.WARNING, f"log lines for the {self.name} are lost: {reason}")

    def _is_quiet(self) -> bool:
        return time.monotonic() - self._lost_at >= QUIET_SECONDS

    def _report_end(self) -> None:
        """Report the number of lost lines, if the target can write the report itself."""
        message = f"log lines for the {self.name} are written again, after a loss of {self._lost}"
        if problem := self._write([make_record(logging.WARNING, message, **IN_ERROR_LOG)]):
            self._lose(str(problem), lines=0)  # the report is no line of the application
            return
        with self._losing:
            self._lost = 0
        self._report(self, logging.WARNING, message)


def _format(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return record.msg if isinstance(record, Notice) else formatter.format(record)


def make_record(level: int, message: str, **extra: Any) -> logging.LogRecord:
    """Return a record of this module, which passes no logger."""
    return logging.getLogger(__name__).makeRecord(__name__, level, __file__, 0, message, (), None, "report", extra)
