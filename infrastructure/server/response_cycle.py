"""The two messages of an answer, head and body, as one write to the socket: each write costs a trip to the kernel."""

from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

WriteRaw = Callable[[RequestResponseCycle, bytes, bytes], None]

WITHOUT_BODY = (204, 304)
UNUSUAL = frozenset((b"connection", b"transfer-encoding"))


class SingleWriteCycle(RequestResponseCycle):
    """Holds the head of an answer back until its body is there, so that both leave in one write.

    What is not a head and then the whole body goes on to Uvicorn as it came, and so does what Uvicorn would refuse.
    """

    write_raw: WriteRaw
    _head: Any = None

    @classmethod
    def adopt(cls, cycle: RequestResponseCycle, write_raw: WriteRaw) -> None:
        """Uvicorn makes its cycles itself, and another object around each would cost a hundredth of an answer."""
        cycle.__class__ = cls
        cast(SingleWriteCycle, cycle).write_raw = write_raw

    async def send(self, message: Any) -> None:
        head, self._head = self._head, None
        if head is None and message["type"] == "http.response.start" and not self.response_started:
            self._head = message
            return
        if head is None:
            await super().send(message)
            return
        packed = self._pack(head, message)
        if packed is None:
            await super().send(head)
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        self.write_raw(self, packed, message.get("body", b""))

    def _pack(self, head: Any, message: Any) -> bytes | None:
        """The head as it stands on the wire; None when the message is not all that belongs to it."""
        status, headers = head["status"], head.get("headers", ())
        if message["type"] != "http.response.body" or message.get("more_body") or self.scope["method"] == "HEAD":
            return None
        named = dict(headers)
        length = named.get(b"content-length", None if status not in WITHOUT_BODY else b"0")
        if length != b"%d" % len(message.get("body", b"")) or not UNUSUAL.isdisjoint(named):
            return None
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        if lines.count(b"\n") != len(headers) or HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            return None
        return STATUS_LINE[status] + lines
