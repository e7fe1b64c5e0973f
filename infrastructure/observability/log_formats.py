"""Formats of log lines: text and JSON, safe against forged lines and without personal data."""

import logging
import re
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from infrastructure.observability.log_targets import IN_ERROR_LOG

# Characters that could forge or hide a line: C0, C1, line separators, marks of reading direction, lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# E-mail addresses, values of a row that PostgreSQL quotes after DETAIL, and the statement that it quotes after LINE.
_PERSONAL = re.compile(r"[^\s@\"'<>()=,]{1,64}@[^\s@\"'<>()=,]{1,255}|(?<=DETAIL:  )[^\n]+|(?<=\nLINE )[0-9]+: [^\n]+")
_HIDDEN = [*RESERVED_ATTRS, "color_message", *IN_ERROR_LOG]
_NOT_EXTRA = {*_HIDDEN, "request_id"}


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def without_personal_data(text: str) -> str:
    """Return the text without e-mail addresses and without what PostgreSQL quotes of rows and statements."""
    return _PERSONAL.sub("(hidden)", text) if "@" in text or "DETAIL:" in text or "\nLINE " in text else text


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
        lines = without_personal_data(super().formatException(ei)).split("\n")
        return "\n".join("    " + _escape(line) for line in lines)


class JsonLinesFormatter(JsonFormatter):
    """Formatter for one JSON object in each line. It is ASCII, so JSON escapes all control characters."""

    def __init__(self) -> None:
        fields = ["levelname", "name", "message", "request_id", "funcName", "lineno"]
        renamed = {"levelname": "level", "name": "logger", "funcName": "function", "lineno": "line"}
        super().__init__(fields, timestamp=True, rename_fields=renamed, reserved_attrs=_HIDDEN)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return without_personal_data(logging.Formatter.formatException(self, ei))
