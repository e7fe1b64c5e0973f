"""Logging to the console, `app.log` and `error.log`: one line for each event, written by a separate thread.

Several processes may write to the same files.
"""

import logging
import os
import re
import sys
from contextvars import ContextVar
from copy import copy
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from config.settings import Settings

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
TRACE_ID: ContextVar[str] = ContextVar("trace_id", default="")

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 5
# A stalled console or disk must not fill the memory: new records are dropped while this many wait.
MAX_QUEUED = 100_000
# Set to "false" by the development launcher, for its workers too: details of libraries then go to the file only.
CONSOLE_DETAILS = "LOG_CONSOLE_DETAILS"
LIBRARIES = ("alembic", "uvicorn")

# Characters that could forge or hide a line: C0, C1, line separators, marks of reading direction, lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# E-mail addresses, and the values of a row that PostgreSQL quotes after DETAIL.
_PERSONAL = re.compile(r"[^\s@\"'<>()=,]{1,64}@[^\s@\"'<>()=,]{1,255}|(?<=DETAIL:  )[^\n]+")
_NOT_EXTRA = {*RESERVED_ATTRS, "request_id", "color_message"}


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def _without_personal_data(text: str) -> str:
    return _PERSONAL.sub("(hidden)", text) if "@" in text or "DETAIL:" in text else text


class TextFormatter(logging.Formatter):
    """Formatter for `timestamp - name - LEVEL - [request id] message key=value`.

    A traceback follows on indented lines, so no text of a user can pass for a log line.
    """

    def __init__(self, *, location: bool) -> None:
        where = " - %(funcName)s:%(lineno)d" if location else ""
        fmt = f"%(asctime)s - %(name)s - %(levelname)s{where} - [%(request_id)s] %(message)s"
        super().__init__(fmt, datefmt="%Y-%m-%d %H:%M:%S", defaults={"request_id": "-"})

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # name of the base class
        extra = [f" {name}={value}" for name, value in record.__dict__.items() if name not in _NOT_EXTRA]
        return _escape(super().formatMessage(record) + "".join(extra))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        lines = _without_personal_data(super().formatException(ei)).split("\n")
        return "\n".join("    " + _escape(line) for line in lines)


class JsonLinesFormatter(JsonFormatter):
    """Formatter for one JSON object in each line. It is ASCII, so JSON escapes all control characters."""

    def __init__(self) -> None:
        fields = ["levelname", "name", "message", "request_id", "funcName", "lineno"]
        renamed = {"levelname": "level", "name": "logger", "funcName": "function", "lineno": "line"}
        super().__init__(
            fields, timestamp=True, rename_fields=renamed, reserved_attrs=[*RESERVED_ATTRS, "color_message"]
        )

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _without_personal_data(logging.Formatter.formatException(self, ei))


class QueuedLog(QueueHandler):
    """Handler that passes records to a writing thread, so the event loop never waits for a disk or a file lock."""

    def __init__(self, targets: list[logging.Handler]) -> None:
        self.records: SimpleQueue[logging.LogRecord] = SimpleQueue()
        super().__init__(self.records)
        self.targets = targets
        self.writer = QueueListener(self.records, *targets, respect_handler_level=True)
        self.writer.start()
        self.is_running = True

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Add the data of the calling thread's context. The writing thread formats the record."""
        record = copy(record)  # other handlers share it, and one may have stored a formatted traceback in it
        record.exc_text = None
        record.msg, record.args = _without_personal_data(record.getMessage()), None
        record.request_id = REQUEST_ID.get()
        if trace_id := TRACE_ID.get():
            record.trace_id = trace_id
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue the record, or drop it when MAX_QUEUED records wait. Write it at once after `drain`."""
        if not self.is_running:
            self.writer.handle(record)
        elif self.records.qsize() < MAX_QUEUED:
            self.records.put(record)

    def drain(self) -> None:
        """Write all queued records and end the thread. The calling thread writes later records itself."""
        if self.is_running:
            self.is_running = False
            self.writer.stop()

    def close(self) -> None:
        """Write all queued records and close the targets."""
        self.drain()
        for target in self.targets:
            target.close()
        super().close()


def configure_logging(settings: Settings) -> None:
    """Set up the logging of this process, parent or worker. A second call replaces the first setup."""
    # A full disk or a closed console loses log lines, without a traceback on the console for each of them.
    logging.raiseExceptions = False
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, QueuedLog)]:
        root.removeHandler(old)
        old.close()
    files, problem = _files(settings)
    console = _formatted(logging.StreamHandler(sys.stdout), settings, location=False)
    if files and os.environ.get(CONSOLE_DETAILS) == "false":
        console.addFilter(_is_no_detail)
    root.addHandler(QueuedLog([console, *files]))
    root.setLevel(settings.log_level)
    _adopt_uvicorn()
    if problem:
        logging.getLogger(__name__).warning("logging to the console only: %s", problem)


def _is_no_detail(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not record.name.startswith(LIBRARIES)


def stop_logging() -> None:
    """Write all queued records. A worker calls it last, because a signal may end the worker right afterwards."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QueuedLog):
            handler.drain()


def _files(settings: Settings) -> tuple[list[logging.Handler], OSError | None]:
    if not settings.log_to_file:
        return [], None
    app, error = settings.log_dir / "app.log", settings.log_dir / "error.log"
    try:
        settings.log_dir.mkdir(parents=True, exist_ok=True)
        for path in (app, error):
            path.open("a").close()
    except OSError as problem:
        return [], problem
    return [_rotating(app, settings, logging.NOTSET), _rotating(error, settings, logging.ERROR)], None


def _rotating(path: Path, settings: Settings, level: int) -> logging.Handler:
    handler = ConcurrentRotatingFileHandler(str(path), maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    handler.setLevel(level)
    return _formatted(handler, settings, location=True)


def _formatted(handler: logging.Handler, settings: Settings, *, location: bool) -> logging.Handler:
    handler.setFormatter(JsonLinesFormatter() if settings.log_format == "json" else TextFormatter(location=location))
    return handler


def _adopt_uvicorn() -> None:
    """Route Uvicorn's loggers through the root logger. Its access log stays off: it would log query strings."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    access = logging.getLogger("uvicorn.access")
    access.propagate = False  # without a handler Uvicorn does not even format the lines
