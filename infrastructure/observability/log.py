"""The log of this process: its console and files, installed at the root logger."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from infrastructure.observability.log_formats import JsonLinesFormatter, TextFormatter
from infrastructure.observability.log_outlets import Console, LogFile
from infrastructure.observability.log_queue import CONSOLE, QueuedLog
from infrastructure.observability.log_targets import IN_ERROR_LOG, Notice, Outlet, make_record

Format = Literal["text", "json"]

LIBRARIES = ("alembic", "uvicorn")


class LogFiles(NamedTuple):
    """Folder of `app.log` and `error.log`, the size of a file, and the number of older ones of each."""

    folder: Path
    max_bytes: int
    backups: int


def install_log(level: str, log_format: Format, files: LogFiles | None, *, shows_details: bool) -> None:
    """Let all loggers write to the console and to the files, if any. A second call replaces the log.

    Without `shows_details`, what libraries log below WARNING goes to the files only.
    """
    # A line with wrong arguments is lost, without a traceback on the console for it.
    logging.raiseExceptions = False
    root = logging.getLogger()
    for old in queued_logs():
        root.removeHandler(old)
        old.close()
    condition = {} if shows_details or files is None else {"accepts": _is_no_detail}
    targets = {CONSOLE: [Outlet(Console(), _formatter(log_format, location=False), **condition)]}
    if files:
        formatter = _formatter(log_format, location=True)
        targets["files"] = [
            Outlet(_log_file("app.log", files), formatter),
            Outlet(_log_file("error.log", files), formatter, _belongs_into_error_log),
        ]
    root.addHandler(QueuedLog(targets))
    root.setLevel(level)
    _adopt_uvicorn()


def stop_logging() -> None:
    """Write all queued records. A worker calls it last, because a signal may end the worker right afterwards.

    It returns after FLUSH_SECONDS, also if nobody reads the console or the disk hangs.
    """
    for handler in queued_logs():
        handler.drain()


def print_notice(log_format: Format, text: str, message: str, /, **facts: Any) -> None:
    """Print `text` on the console for people, or a JSON line with `message` and `facts` if the format is json."""
    record = Notice(text) if log_format == "text" else make_record(logging.INFO, message, request_id="-", **facts)
    for handler in queued_logs():
        handler.print(record)


def queued_logs() -> list[QueuedLog]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, QueuedLog)]


def _is_no_detail(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not record.name.startswith(LIBRARIES)


def _belongs_into_error_log(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR or hasattr(record, *IN_ERROR_LOG)


def _log_file(name: str, files: LogFiles) -> logging.Handler:
    path = str(files.folder / name)
    handler = LogFile(path, maxBytes=files.max_bytes, backupCount=files.backups, encoding="utf-8")
    # A file that cannot be opened now is opened with its next line, which reports the problem.
    with suppress(OSError):
        handler.open()
    return handler


def _formatter(log_format: Format, *, location: bool) -> logging.Formatter:
    return JsonLinesFormatter() if log_format == "json" else TextFormatter(location=location)


def _adopt_uvicorn() -> None:
    """Route Uvicorn's loggers through the root logger. Its access log stays off: it would log query strings."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    access = logging.getLogger("uvicorn.access")
    access.propagate = False  # without a handler Uvicorn does not even format the lines
