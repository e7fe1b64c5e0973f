"""Uvicorn's HTTP protocol with a bound for the head of a request, and with RFC 9112's rules for two of its headers."""

import re
from typing import NamedTuple

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
"""Bytes of target, headers and trailers of one request together. Uvicorn has no bound and keeps them all."""
MAX_FIELDS = 500
"""Headers and trailers of one request together. Each takes about 130 bytes beside its text."""
FIELDS_BYTES = len(b"a:\r\n") * MAX_FIELDS  # the fewest for so many
LINGER_SECONDS = 1.0  # in which the rest of a refused request is read and dropped
SEPARATORS = 4  # bytes around the name and the value of a header

_is_host = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*").fullmatch


class Refusal(NamedTuple):
    status: int
    detail: str


MALFORMED = Refusal(400, "Invalid HTTP request")
TOO_LARGE = Refusal(431, f"Target, headers and trailers have more than {MAX_HEAD_BYTES} bytes")
TOO_MANY = Refusal(431, f"The request has more than {MAX_FIELDS} headers and trailers")


class RefusedError(Exception):
    """Ends the parsing. Uvicorn then calls `send_400_response`."""


class BoundedProtocol(HttpToolsProtocol):
    _refusal = MALFORMED
    # Bytes of the current request without its body and the framing of chunks. Those of a request that arrives in one
    # piece with its predecessor are not in it: `_check_size` counts them.
    _head_bytes = 0
    _piece_bytes = 0
    _chunk_bytes = 0
    _is_in_body = False
    _is_refused = False

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._piece_bytes = len(data)
        self._head_bytes += self._piece_bytes
        super().data_received(data)
        if self._is_refused:
            return
        if self._is_in_body and self.cycle.body and not self.cycle.response_complete:
            self.flow.pause_reading()  # until the application reads; Uvicorn waits for 64 KB and more
        if self._head_bytes > FIELDS_BYTES:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refusal = TOO_LARGE
            elif self.headers and len(self.headers) > MAX_FIELDS:
                self._refusal = TOO_MANY
            else:
                return
            self.send_400_response("")

    def on_headers_complete(self) -> None:
        self._check_size()
        self._check_headers()
        super().on_headers_complete()
        self._is_in_body = True

    def on_body(self, body: bytes) -> None:
        self._head_bytes -= len(body)
        self._chunk_bytes += len(body)
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        self._head_bytes -= len(f"{self._chunk_bytes:x}\r\n\r\n")
        self._chunk_bytes = 0

    def on_message_complete(self) -> None:
        self._check_size()  # now with trailers
        self._head_bytes, self._is_in_body = 0, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Send the refusal as JSON and close, unless a response is under way: then only close.

        The client may still be sending. An immediate close would reset the connection, and the refusal could be lost.
        """
        self._is_refused, cycle = True, self.cycle
        self.headers, self.scope = [], {}  # type: ignore[typeddict-item] # frees them; nothing more is parsed
        if cycle is None or cycle.response_complete or (self._is_in_body and not cycle.response_started):
            body = orjson.dumps({"detail": self._refusal.detail})
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[self._refusal.status] + head + body)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _check_size(self) -> None:
        if len(self.headers) > MAX_FIELDS:
            self._refusal = TOO_MANY
            raise RefusedError
        if max(self._piece_bytes, self._head_bytes) <= MAX_HEAD_BYTES:
            return
        if len(self.url) + sum(len(name) + len(value) + SEPARATORS for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refusal = TOO_LARGE
            raise RefusedError

    def _check_headers(self) -> None:
        """Refuse requests that two programs on their way could understand differently (RFC 9112, 3.2 and 6.1)."""
        names = [name for name, _ in self.headers]
        hosts, codings = names.count(b"host"), names.count(b"transfer-encoding")
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            raise RefusedError
        if hosts and not _is_host(self.headers[names.index(b"host")][1]):
            raise RefusedError
        if codings and (
            codings > 1
            or self.headers[names.index(b"transfer-encoding")][1].lower() != b"chunked"
            or b"content-length" in names
            or self.parser.get_http_version() == "1.0"
        ):
            raise RefusedError
