"""Uvicorn's HTTP protocol with deadlines for clients and with an extension that writes a response in one piece.

Uvicorn's own timeout covers only the pause between two requests. Without deadlines for the header, the body and the
reading of the response, a few slow clients use up `limit_concurrency` and keep all others out. Only requests count for
it, not idle connections.
"""

import asyncio
from functools import partial
from typing import Any, Literal, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from config.settings import Settings, inherit_settings
from infrastructure.server.address_limit import AddressLimit
from infrastructure.server.request_bounds import BoundedProtocol
from infrastructure.server.response_cycle import SingleWriteCycle

RequestPart = Literal["header", "body"]

SHUTDOWN_IDLE_SECONDS = 1.0
"""Seconds that idle keep-alive connections stay open after a worker is told to stop."""

# Key in the ASGI scope of the extension: a function of the head (status line and headers) and the body.
WRITE_RAW = "ecommerce.write_raw"
# Key in the ASGI scope of a POST: a function that gives the client this many seconds for the body, from now on.
ALLOW_BODY_SECONDS = "ecommerce.allow_body_seconds"
# Key in the ASGI scope of a request above `limit_concurrency`: the application sends its own 503.
IS_OVERLOADED = "ecommerce.is_overloaded"


class DeadlineConfig(Config):
    """Uvicorn's configuration with `DeadlineProtocol` and its two deadlines. It is pickled for the workers.

    The application that it loads has the settings of `settings`, if they are set. `address_limit` is optional too.
    """

    settings: Settings | None = None
    address_limit: AddressLimit | None = None

    def __init__(self, app: Any, *, request_header_seconds: float, request_body_seconds: float, **options: Any) -> None:
        super().__init__(app, http=DeadlineProtocol, **options)
        self.deadlines: dict[RequestPart, float] = {"header": request_header_seconds, "body": request_body_seconds}

    def load(self) -> None:
        if self.settings:
            inherit_settings(self.settings)
        super().load()


class DeadlineProtocol(BoundedProtocol):
    """A connection that closes when the client misses a deadline.

    It cuts no response in progress, and no request already sent when the worker is told to stop. A request that
    arrives in one piece starts no timer.
    """

    config: DeadlineConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the parent class
        super().connection_made(transport)
        self._max_requests, self.limit_concurrency = self.limit_concurrency, None  # Uvicorn would count connections
        self._address: str | None = None
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._default_header_lines = b""
        self._awaited_part: RequestPart | None = "header"
        self._timed_part: RequestPart | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._long_body: tuple[RequestResponseCycle, float] | None = None
        self._is_shutting_down = False
        self._update_deadline()
        if self.config.address_limit and self.client:
            try:
                self._address = self.config.address_limit.enter(self.client[0])
            except ConnectionRefusedError:
                transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if not self.flow.write_paused:  # otherwise the response waits in `send` until the client has read earlier ones
            cast(dict[str, Any], cycle.scope)[WRITE_RAW] = partial(self._write_raw, cycle)
        SingleWriteCycle.convert(cycle, self._write_raw)
        if cycle.scope["method"] == "POST":
            cast(dict[str, Any], cycle.scope)[ALLOW_BODY_SECONDS] = self._allow_body_seconds
        is_overloaded = self._max_requests is not None and len(self.tasks) >= self._max_requests
        if is_overloaded:
            cast(dict[str, Any], cycle.scope)[IS_OVERLOADED] = True
        if is_overloaded or self._is_shutting_down:
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)

    def _write_raw(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None:
        """Write a complete response at once, with the effect of two calls of `cycle.send`.

        The head must state the content length. The response to a HEAD request is written without its body.
        """
        if cycle.disconnected:
            return
        if cycle.default_headers is not self._default_headers:  # Uvicorn makes a new list each second, for the date
            self._default_headers = cycle.default_headers
            self._default_header_lines = b"".join([b"%b: %b\r\n" % header for header in self._default_headers])
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        # The partial in the scope refers to the cycle. Left there, only the garbage collector could free the two.
        cast(dict[str, Any], cycle.scope).pop(WRITE_RAW, None)
        cycle.response_started = cycle.response_complete = True
        cycle.chunked_encoding = False
        if cycle.scope["method"] == "HEAD":
            body = b""
        self.transport.write(b"".join((head, self._default_header_lines, close, b"\r\n", body)))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def shutdown(self) -> None:
        """Close each connection after its next response, which says `connection: close`.

        An immediate close could lose a request that is on its way, and the client may not be allowed to repeat it.
        """
        self._is_shutting_down = True
        if self._is_idle():
            self.loop.call_later(SHUTDOWN_IDLE_SECONDS, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited_part = None
        self._update_deadline()
        self._cancel_write_timer()
        if self.config.address_limit and self._address:
            self.config.address_limit.leave(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._awaited_part is None and self.cycle.response_complete:
            self._awaited_part = "header"  # any data, even an empty line, ends Uvicorn's own timeout
        super().data_received(data)
        self._update_deadline()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited_part = "header"

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._awaited_part = "body"

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._awaited_part = None

    def pause_writing(self) -> None:
        """Give a client that does not read its response as long as for sending a body. It occupies a task."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.config.deadlines["body"], self.transport.abort)

    def resume_writing(self) -> None:
        self._cancel_write_timer()
        super().resume_writing()

    def _cancel_write_timer(self) -> None:
        if self._write_timer:
            self._write_timer.cancel()

    def _allow_body_seconds(self, seconds: float) -> None:
        """Replace the deadline for the body of the current request."""
        self._long_body, self._timed_part = (self.cycle, seconds), None
        self._update_deadline()

    def _update_deadline(self) -> None:
        """Restart the timer if the awaited part of the request has changed."""
        part = self._awaited_part
        if part != self._timed_part:
            if self._deadline_timer:
                self._deadline_timer.cancel()
            self._deadline_timer = part and self.loop.call_later(self._seconds_for(part), self._on_deadline)
            self._timed_part = part

    def _seconds_for(self, part: RequestPart) -> float:
        cycle, seconds = self._long_body or (None, 0.0)
        return seconds if part == "body" and cycle is self.cycle else self.config.deadlines[part]

    def _on_deadline(self) -> None:
        if self.flow.read_paused:  # the server has stopped reading, so the client is not late
            self._timed_part = None
            self._update_deadline()
        else:
            self.transport.close()
