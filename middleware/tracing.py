"""A span for each request that continues the caller's trace. Added only if traces are on."""

from collections.abc import Awaitable

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.observability.log_formats import without_personal_data
from infrastructure.observability.log_queue import TRACE_ID
from infrastructure.observability.metrics import METHODS
from infrastructure.observability.tracing import Tracing
from middleware.raw_response import decline_raw_response
from middleware.request_context import route_of
from middleware.scope_keys import ROUTE

_UNTRACED = ("/health_check", "/metrics")


def trace_requests(app: ASGIApp) -> ASGIApp:
    """Wrap `request_context`, so that its log lines contain the trace id."""

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        if Tracing.tracer is None or scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await app(scope, receive, send)
            return
        decline_raw_response(scope)
        status = 500

        def send_traced(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        caller = extract({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]})
        with Tracing.tracer.start_as_current_span(
            _method(scope),
            context=caller,
            kind=SpanKind.SERVER,
            attributes=_attributes(scope),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            TRACE_ID.set(format_trace_id(span.get_span_context().trace_id))
            try:
                await app(scope, receive, send_traced)
            finally:
                _describe_answer(span, scope, status)

    return traced


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "_OTHER"


def _attributes(scope: Scope) -> dict[str, str]:
    """Return attributes by their stable semantic conventions, without personal data such as query and address."""
    return {
        "http.request.method": _method(scope),
        "url.scheme": scope["scheme"],
        "url.path": without_personal_data(scope["path"]),
        "network.protocol.version": scope["http_version"],
    }


def _describe_answer(span: Span, scope: Scope, status: int) -> None:
    route = scope.get(ROUTE) or route_of(scope)
    if route != "unmatched":
        span.update_name(f"{_method(scope)} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
