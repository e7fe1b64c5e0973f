"""Outermost layer of a request: its id, metrics, access log line, and a clean 500 if an inner layer fails."""

import itertools
import logging
import re
import secrets
from collections.abc import Awaitable
from time import perf_counter
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.observability.log_formats import without_personal_data
from infrastructure.observability.log_queue import REQUEST_ID
from infrastructure.observability.metrics import metrics
from infrastructure.server.http_protocol import WRITE_RAW
from middleware.client_ip import ClientIpResolver
from middleware.raw_response import head_of, json_headers, send_response
from middleware.scope_keys import CONTEXT_HEAD, OWN_REQUEST_ID, ROUTE, STATUS
from middleware.security_headers import ALWAYS, DEFAULTS, NO_CONTENT_LOADED

Headers = tuple[tuple[bytes, bytes], ...]

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("access")

MAX_LOGGED_PATH = 2000  # characters; a target may have 64 KB

_is_acceptable = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_FAULT = b'{"detail":"Internal server error"}'


def request_context(
    app: ASGIApp,
    headers: Headers = (),
    *,
    for_browsers: ASGIApp | None = None,
    access_log: ClientIpResolver | None = None,
) -> ASGIApp:
    """Adopt the caller's X-Request-ID or make one, for the response and all log lines of the request.

    `headers` are added to every response. Requests with an `Origin` header go to `for_browsers` instead of `app`.
    The access log is off without `access_log`, which finds the client address, as for the rate limiter.
    A closure instead of a class: it costs half as much around a cached response.
    """
    prefix = secrets.token_hex(8)
    numbers = itertools.count(1)
    headers = (*headers, *ALWAYS)
    head = head_of((*headers, NO_CONTENT_LOADED))
    set_request_id = REQUEST_ID.set
    observe = metrics.observe_request

    async def with_context(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = perf_counter()
        request_id, inner = "", app
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                if not request_id and _is_acceptable(value):
                    request_id = value.decode()
            elif name == b"origin" and for_browsers:
                inner = for_browsers
        if request_id:
            scope[OWN_REQUEST_ID] = f"{prefix}-{next(numbers)}"
        else:
            request_id = f"{prefix}-{next(numbers)}"
        # Never reset: the context ends with the request, and the server's last log lines about it contain the id too.
        set_request_id(request_id)
        status = 0
        if WRITE_RAW in scope:
            scope[CONTEXT_HEAD] = b"%bx-request-id: %b\r\n" % (head, request_id.encode())

        def send_with_id(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                names = {name for name, _ in given}
                defaults = [header for header in DEFAULTS if header[0] not in names]
                answered = [*given, *defaults, *headers, (b"x-request-id", request_id.encode())]
                # A copy: the sender may reuse its message.
                message = {"type": "http.response.start", "status": status, "headers": answered}
            return send(message)

        metrics.in_progress += 1
        try:
            await inner(scope, receive, send_with_id)
        except Exception:
            if status:  # The response has started: only the server can cut it off, and it logs that.
                raise
            logger.exception("unhandled exception")
            await send_response(send_with_id, 500, json_headers(_FAULT), _FAULT)
        finally:
            metrics.in_progress -= 1
            seconds = perf_counter() - started
            status = status or scope.get(STATUS, 500)
            observe((scope["method"], scope.get(ROUTE) or route_of(scope), status, seconds))
            if access_log:
                _log_access(scope, status, seconds, access_log.of_request(scope))

    return with_context


def route_of(scope: Scope) -> str:
    """Return the template of the chosen route without a slash at its end, or `unmatched`."""
    template: str | None = getattr(scope.get("route"), "path_format", None)
    return "unmatched" if template is None else template.rstrip("/") or "/"


def _log_access(scope: Scope, status: int, seconds: float, client: str) -> None:
    facts = {
        "method": scope["method"],
        "path": quote(without_personal_data(scope["path"][:MAX_LOGGED_PATH])),
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "client": client,
    }
    if own := scope.get(OWN_REQUEST_ID):
        facts["own_request_id"] = own
    access_logger.info("request", extra=facts)
