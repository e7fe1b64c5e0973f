"""Logging to the console, `app.log` and `error.log`: one line for each event, written by separate threads.

Several processes may write to the same files.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.settings import Settings
from infrastructure.observability.log_formats import JsonLinesFormatter, TextFormatter
from infrastructure.observability.log_outlets import Console, LogFile
from infrastructure.observability.log_queue import CONSOLE, QueuedLog
from infrastructure.observability.log_targets import IN_ERROR_LOG, Notice, Outlet, make_record

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 5
# Set to "false" by the development launcher, for its workers too: details of libraries then go to the file only.
CONSOLE_DETAILS = "LOG_CONSOLE_DETAILS"
LIBRARIES = ("alembic", "uvicorn")


def configure_logging(settings: Settings) -> None:
    """Set up the logging of this process, parent or worker. A second call replaces the first setup."""
    # A line with wrong arguments is lost, without a traceback on the console for it.
    logging.raiseExceptions = False
    root = logging.getLogger()
    for old in _queued_logs():
        root.removeHandler(old)
        old.close()
    hides_details = settings.log_to_file and os.environ.get(CONSOLE_DETAILS) == "false"
    condition = {"accepts": _is_no_detail} if hides_details else {}
    targets = {CONSOLE: [Outlet(Console(), _formatter(settings, location=False), **condition)]}
    if settings.log_to_file:
        formatter = _formatter(settings, location=True)
        targets["files"] = [
            Outlet(_log_file(settings.log_dir / "app.log"), formatter),
            Outlet(_log_file(settings.log_dir / "error.log"), formatter, _belongs_into_error_log),
        ]
    root.addHandler(QueuedLog(targets))
    root.setLevel(settings.log_level)
    _adopt_uvicorn()


def _is_no_detail(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not record.name.startswith(LIBRARIES)


def stop_logging() -> None:
    """Write all queued records. A worker calls it last, because a signal may end the worker right afterwards.

    It returns after FLUSH_SECONDS, also if nobody reads the console or the disk hangs.
    """
    for handler in _queued_logs():
        handler.drain()


def print_notice(settings: Settings, text: str, message: str, /, **facts: Any) -> None:
    """Print `text` on the console for people, or a JSON line with `message` and `facts` if LOG_FORMAT is json."""
    record = make_record(logging.INFO, message, request_id="-", **facts)
    if settings.log_format == "text":
        record = Notice(text)
    for handler in _queued_logs():
        handler.print(record)


def _queued_logs() -> list[QueuedLog]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, QueuedLog)]


def _belongs_into_error_log(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR or hasattr(record, *IN_ERROR_LOG)


def _log_file(path: Path) -> logging.Handler:
    handler = LogFile(str(path), maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    # A file that cannot be opened now is opened with its next line, which reports the problem.
    with suppress(OSError):
        handler.open()
    return handler


def _formatter(settings: Settings, *, location: bool) -> logging.Formatter:
    return JsonLinesFormatter() if settings.log_format == "json" else TextFormatter(location=location)


def _adopt_uvicorn() -> None:
    """Route Uvicorn's loggers through the root logger. Its access log stays off: it would log query strings."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    access = logging.getLogger("uvicorn.access")
    access.propagate = False  # without a handler Uvicorn does not even format the lines
