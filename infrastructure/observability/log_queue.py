"""Handler that gives records to the threads of the log targets, and the ids that each line contains."""

import logging
import time
from contextvars import ContextVar
from copy import copy

from infrastructure.observability.log_formats import without_personal_data
from infrastructure.observability.log_targets import IN_ERROR_LOG, LogTarget, Outlet, make_record

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
TRACE_ID: ContextVar[str] = ContextVar("trace_id", default="")

# Limit on the time that a process waits for its last lines, if nobody reads the console or the disk hangs.
FLUSH_SECONDS = 2.0
CONSOLE = "console"


class QueuedLog(logging.Handler):
    """Handler that passes records to the targets' threads, so the event loop never waits for a disk or a console."""

    def __init__(self, targets: dict[str, list[Outlet]]) -> None:
        """`targets` maps the name of each target to its outlets."""
        super().__init__()
        self._targets = [LogTarget(name, outlets, self._report_loss) for name, outlets in targets.items()]
        # Seconds that the process is still willing to wait for its last lines. None before it stops.
        self._patience: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record for all targets. After `drain`, wait until it is written."""
        try:
            record = self._prepare(record)
        except Exception:
            self.handleError(record)
            return
        for target in self._targets:
            target.put(copy(record))  # each target's formatter adds attributes
        if self._patience is not None:
            self._wait_for_targets()

    @staticmethod
    def _prepare(record: logging.LogRecord) -> logging.LogRecord:
        """Add the data of the calling thread's context. The targets' threads format the record."""
        record = copy(record)  # other handlers share it, and one may have stored a formatted traceback in it
        record.exc_text = None
        record.msg, record.args = without_personal_data(record.getMessage()), None
        record.request_id = REQUEST_ID.get()
        if trace_id := TRACE_ID.get():
            record.trace_id = trace_id
        return record

    def print(self, record: logging.LogRecord) -> None:
        """Queue the record for the console only."""
        for target in self._targets:
            if target.name == CONSOLE:
                target.put(record)

    def drain(self) -> None:
        """Wait until all queued records are written, at most FLUSH_SECONDS together with later records."""
        if self._patience is None:
            self._patience = FLUSH_SECONDS
        self._wait_for_targets()
        self._wait_for_targets()  # problems that one target has reported to the others

    def close(self) -> None:
        """Write all queued records and end the targets. A second call does nothing: Python calls it at exit, too."""
        self.drain()
        for target in self._targets:
            target.end()
        self._targets = []
        super().close()

    def _wait_for_targets(self) -> None:
        begun, patience = time.monotonic(), self._patience or 0.0
        for written in [target.written() for target in self._targets]:
            written.wait(max(0.0, begun + patience - time.monotonic()))
        self._patience = max(0.0, begun + patience - time.monotonic())

    def _report_loss(self, target: LogTarget, level: int, message: str) -> None:
        """Log on the other targets what happens to one of them."""
        for other in self._targets:
            if other is not target:
                other.put(make_record(level, message, **IN_ERROR_LOG))
