"""The outermost layer of a request: its id, its measure, its access log line, and a clean 500 when all else failed."""

import itertools
import logging
import re
import secrets
from collections.abc import Awaitable
from time import perf_counter
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.logging_config import REQUEST_ID
from infrastructure.observability.metrics import metrics
from infrastructure.server.http_protocol import WRITE_RAW
from middleware.answers import answer, json_headers
from middleware.raw_response import CONTEXT_HEAD, STATUS, head_of
from middleware.security_headers import ALWAYS, NOTHING_LOADS, missing

Headers = tuple[tuple[bytes, bytes], ...]

# The key in the scope under which whoever answers in front of the router leaves its route, "/products/{id_key}".
ROUTE = "ecommerce.route"

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("access")

_acceptable = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_FAULT = b'{"detail":"Internal server error"}'


def request_context(app: ASGIApp, headers: Headers = (), *, access_log: bool = False) -> ASGIApp:
    """Takes over the caller's X-Request-ID or makes one, and shows it in the answer and in all log lines until then.
    `headers` are what every answer bears besides.

    A function with everything it needs at hand, not a class: around an answer from the cache it costs half as much."""
    prefix = secrets.token_hex(8)
    numbers = itertools.count(1)
    headers = (*headers, *ALWAYS)
    head = head_of((*headers, NOTHING_LOADS))
    set_request_id = REQUEST_ID.set
    observe = metrics.observe_request

    async def with_context(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = perf_counter()
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _acceptable(value):
                request_id = value.decode()
                break
        else:
            request_id = f"{prefix}-{next(numbers)}"
        # Not reset: the context ends with the request, and what the server logs about it at last bears the id too.
        set_request_id(request_id)
        status = 0
        if WRITE_RAW in scope:
            scope[CONTEXT_HEAD] = b"%bx-request-id: %b\r\n" % (head, request_id.encode())

        def send_with_id(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                answered = [*given, *missing(given), *headers, (b"x-request-id", request_id.encode())]
                # A new one, because the message may be a constant of whoever sends it.
                message = {"type": "http.response.start", "status": status, "headers": answered}
            return send(message)

        metrics.in_progress += 1
        try:
            await app(scope, receive, send_with_id)
        except Exception:
            if status:  # Part of the answer is gone: only the server can cut it off, and it logs that.
                raise
            logger.exception("unhandled exception")
            await answer(send_with_id, 500, json_headers(_FAULT), _FAULT)
        finally:
            metrics.in_progress -= 1
            seconds = perf_counter() - started
            status = status or scope.get(STATUS, 500)
            observe((scope["method"], scope.get(ROUTE) or route_of(scope), status, seconds))
            if access_log:
                _log_access(scope, status, seconds)

    return with_context


def route_of(scope: Scope) -> str:
    """The template of the route that FastAPI chose, without a slash at its end; "unmatched" when it found none."""
    template: str | None = getattr(scope.get("route"), "path_format", None)
    return "unmatched" if template is None else template.rstrip("/") or "/"


def _log_access(scope: Scope, status: int, seconds: float) -> None:
    facts = {
        "method": scope["method"],
        "path": quote(scope["path"]),
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "client": (scope.get("client") or ("-",))[0],
    }
    access_logger.info("request", extra=facts)
