"""Deadlines for what a client owes the server: the header and the body of a request, and reading the answer. And an
offer to applications: to write an answer whole.

Uvicorn's own timeout covers only the pause between two requests. Without these, a few sockets that say nothing, or
that say it drop by drop, use up `limit_concurrency` and keep everybody else out.
"""

import asyncio
from functools import partial
from typing import Any, Literal, cast

from uvicorn import Config
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from infrastructure.server.response_cycle import SingleWriteCycle

Debt = Literal["header", "body"]

LAST_REQUEST_SECONDS = 1.0
"""How long a worker that is told to stop, or replaced, goes on listening on connections between two requests."""

# The key in the scope of the offer: a function of the head, from the status line to the last header, and the body.
WRITE_RAW = "ecommerce.write_raw"
# The key in the scope of a request above `limit_concurrency`: the application refuses it as it refuses others.
IS_OVERLOADED = "ecommerce.is_overloaded"


class DeadlineConfig(Config):
    """Uvicorn's configuration, with the protocol below and its two deadlines; travels to the workers as a whole."""

    def __init__(self, app: Any, *, request_header_seconds: float, request_body_seconds: float, **options: Any) -> None:
        super().__init__(app, http=DeadlineProtocol, **options)
        self.deadlines: dict[Debt, float] = {"header": request_header_seconds, "body": request_body_seconds}


class DeadlineProtocol(HttpToolsProtocol):
    """Closes a connection that does not send what it owes in time. An answer in the making is never cut, and neither
    is a request that was on its way when the worker was told to stop.

    A request that arrives whole costs no timer.
    """

    config: DeadlineConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the parent class
        super().connection_made(transport)
        self._defaults: list[tuple[bytes, bytes]] | None = None
        self._defaults_head = b""
        self._owed: Debt | None = "header"
        self._timed: Debt | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._watch()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if not self.flow.write_paused:  # else the answer waits, as `send` does, until what came before has been read
            cast(dict[str, Any], cycle.scope)[WRITE_RAW] = partial(self._write_raw, cycle)
        SingleWriteCycle.adopt(cycle, self._write_raw)
        is_overloaded = app is service_unavailable
        if is_overloaded:
            cast(dict[str, Any], cycle.scope)[IS_OVERLOADED] = True
            app = self.app
        if is_overloaded or self._is_ending:
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)

    def _write_raw(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None:
        """What `cycle.send` does with the two messages of an answer whose length the head tells, in one write."""
        if cycle.disconnected:
            return
        if cycle.default_headers is not self._defaults:  # Uvicorn makes new ones each second, for the date
            self._defaults = cycle.default_headers
            self._defaults_head = b"".join([b"%b: %b\r\n" % header for header in self._defaults])
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        # The offer refers to the cycle that its scope is a part of: left there, only the garbage collector frees both.
        cast(dict[str, Any], cycle.scope).pop(WRITE_RAW, None)
        cycle.response_started = cycle.response_complete = True
        cycle.chunked_encoding = False
        self.transport.write(b"".join((head, self._defaults_head, close, b"\r\n", body)))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def shutdown(self) -> None:
        """Each connection has one answer more, which says that it is the last. Closed at once, it would take a request
        along that is just coming, which the client may not repeat.
        """
        self._is_ending = True
        if self._is_between_requests():
            self.loop.call_later(LAST_REQUEST_SECONDS, self._end)
        else:
            self.cycle.keep_alive = False

    def _end(self) -> None:
        if self._is_between_requests():
            self.transport.close()

    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        self._owed = None
        self._watch()
        self._stop_stalled()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._owed is None and self.cycle.response_complete:
            self._owed = "header"  # anything after an answer ends Uvicorn's own timeout, even an empty line
        super().data_received(data)
        self._watch()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._owed = "header"

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._owed = "body"

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._owed = None

    def pause_writing(self) -> None:
        """A client that does not read its answer holds a task: it has as long as for sending a body."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.config.deadlines["body"], self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_stalled()
        super().resume_writing()

    def _stop_stalled(self) -> None:
        if self._stalled:
            self._stalled.cancel()

    def _watch(self) -> None:
        """Let the timer follow what is owed now."""
        if self._owed != self._timed:
            if self._timer:
                self._timer.cancel()
            self._timer = self._owed and self.loop.call_later(self.config.deadlines[self._owed], self._expire)
            self._timed = self._owed

    def _expire(self) -> None:
        if self.flow.read_paused:  # not the client's fault
            self._timed = None
            self._watch()
        else:
            self.transport.close()
