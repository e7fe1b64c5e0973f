"""Uvicorn's response cycle with one write for head and body. Each write costs a system call."""

from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

WriteRaw = Callable[[RequestResponseCycle, bytes, bytes], None]

STATUSES_WITHOUT_BODY = (204, 304)
UNSUPPORTED_HEADERS = frozenset((b"connection", b"transfer-encoding"))


class SingleWriteCycle(RequestResponseCycle):
    """A cycle that holds back the head of a response until its body arrives, so that both leave in one write.

    Any other sequence of messages goes to Uvicorn unchanged, and so does a response that Uvicorn would reject.
    """

    write_raw: WriteRaw
    _start_message: Any = None

    @classmethod
    def convert(cls, cycle: RequestResponseCycle, write_raw: WriteRaw) -> None:
        """Change the class of a cycle in place. Uvicorn creates its cycles itself; a wrapper would cost 1 % more."""
        cycle.__class__ = cls
        cast(SingleWriteCycle, cycle).write_raw = write_raw

    async def send(self, message: Any) -> None:
        start, self._start_message = self._start_message, None
        if start is None and message["type"] == "http.response.start" and not self.response_started:
            self._start_message = message
            return
        if start is None:
            await super().send(message)
            return
        head = self._render_head(start, message)
        if head is None:
            await super().send(start)
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        self.write_raw(self, head, message.get("body", b""))

    def _render_head(self, start: Any, message: Any) -> bytes | None:
        """Return the status line and the header lines, or None if the message is not the whole body of the response."""
        status, headers = start["status"], start.get("headers", ())
        if message["type"] != "http.response.body" or message.get("more_body"):
            return None
        named = dict(headers)
        length = named.get(b"content-length", None if status not in STATUSES_WITHOUT_BODY else b"0")
        if length != b"%d" % len(message.get("body", b"")) or not UNSUPPORTED_HEADERS.isdisjoint(named):
            return None
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        if lines.count(b"\n") != len(headers) or HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            return None
        return STATUS_LINE[status] + lines
