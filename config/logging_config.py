"""Logging: console, `app.log`, `error.log`; one event one line, written by a thread of its own, safe over processes."""

import logging
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
# A console or disk that stalls must not fill the memory: beyond this many waiting records new ones are dropped.
MAX_WAITING = 100_000

# C0, C1, line separators, marks that turn the reading direction, lone surrogates: all that could forge or hide a line.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# E-mail addresses, and what PostgreSQL says after DETAIL: a row's values.
_PERSONAL = re.compile(r"[^\s@\"'<>()=,]{1,64}@[^\s@\"'<>()=,]{1,255}|(?<=DETAIL:  )[^\n]+")
_NOT_EXTRA = {*RESERVED_ATTRS, "request_id", "color_message"}


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def _without_personal_data(text: str) -> str:
    return _PERSONAL.sub("(hidden)", text) if "@" in text or "DETAIL:" in text else text


class TextFormatter(logging.Formatter):
    """`timestamp - name - LEVEL - [request id] message key=value`, then a traceback, indented: no text of a user can
    pass for a line of ours."""

    def __init__(self, *, location: bool) -> None:
        where = " - %(funcName)s:%(lineno)d" if location else ""
        fmt = f"%(asctime)s - %(name)s - %(levelname)s{where} - [%(request_id)s] %(message)s"
        super().__init__(fmt, datefmt="%Y-%m-%d %H:%M:%S", defaults={"request_id": "-"})

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # the standard library's name
        extra = [f" {name}={value}" for name, value in record.__dict__.items() if name not in _NOT_EXTRA]
        return _escape(super().formatMessage(record) + "".join(extra))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        lines = _without_personal_data(super().formatException(ei)).split("\n")
        return "\n".join("    " + _escape(line) for line in lines)


class JsonLinesFormatter(JsonFormatter):
    """One JSON object a line, in ASCII: JSON's own escapes keep control characters out."""

    def __init__(self) -> None:
        fields = ["levelname", "name", "message", "request_id", "funcName", "lineno"]
        renamed = {"levelname": "level", "name": "logger", "funcName": "function", "lineno": "line"}
        super().__init__(
            fields, timestamp=True, rename_fields=renamed, reserved_attrs=[*RESERVED_ATTRS, "color_message"]
        )

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _without_personal_data(logging.Formatter.formatException(self, ei))


class QueuedLog(QueueHandler):
    """Hands records to a thread that writes them, so that an event loop never waits for a disk or a file lock."""

    def __init__(self, targets: list[logging.Handler]) -> None:
        self.waiting: SimpleQueue[logging.LogRecord] = SimpleQueue()
        super().__init__(self.waiting)
        self.targets = targets
        self.writer = QueueListener(self.waiting, *targets, respect_handler_level=True)
        self.writer.start()
        self.queued = True

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Adds what only the calling thread knows; formatting is left to the writing thread."""
        record = copy(record)  # it goes to other handlers too, and one may have left a traceback in its own format
        record.exc_text = None
        record.msg, record.args = _without_personal_data(record.getMessage()), None
        record.request_id = REQUEST_ID.get()
        if trace_id := TRACE_ID.get():
            record.trace_id = trace_id
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if not self.queued:
            self.writer.handle(record)
        elif self.waiting.qsize() < MAX_WAITING:
            self.waiting.put(record)

    def drain(self) -> None:
        """Writes what waits and ends the thread. Later records are written at once, by the thread that logs them."""
        if self.queued:
            self.queued = False
            self.writer.stop()

    def close(self) -> None:
        self.drain()
        for target in self.targets:
            target.close()
        super().close()


def configure_logging(settings: Settings) -> None:
    """Sets up the logging of this process, parent or worker; a second call replaces the first."""
    # A full disk or a closed console costs log lines; it must not cost a traceback on the console for each of them.
    logging.raiseExceptions = False
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, QueuedLog)]:
        root.removeHandler(old)
        old.close()
    files, problem = _files(settings)
    root.addHandler(QueuedLog([_formatted(logging.StreamHandler(sys.stdout), settings, location=False), *files]))
    root.setLevel(settings.log_level)
    _adopt_uvicorn()
    if problem:
        logging.getLogger(__name__).warning("logging to the console only: %s", problem)


def stop_logging() -> None:
    """Writes what waits in the queue; a worker calls it last, as a signal may end it without any further step."""
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
    """Uvicorn's loggers write through ours. Its access log stays off: it would log query strings."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    access = logging.getLogger("uvicorn.access")
    access.propagate = False  # without a handler in reach, Uvicorn does not even make its lines
