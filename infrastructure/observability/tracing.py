"""OpenTelemetry traces, sent by OTLP over HTTP or gRPC when the address of a collector is set.

The standard instrumentations are not used because they send personal data. FastAPI's puts the query string, with a
client's e-mail address, into each span. SQLAlchemy's puts the database's error text, with the values of a row.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span
from sqlalchemy import Engine, event

from config.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

# Argument of `FastAPI(telemetry=...)` that turns FastAPI's own instrumentation off.
NATIVE_TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}

STOP_SECONDS = 2.0
# Standard variables that win over the settings.
_TRACES_ENDPOINT, _TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
_NO_SPAN: AbstractContextManager[None] = nullcontext()


class Tracing:
    """Holder of this process's tracer, which is None while traces are off."""

    tracer: ClassVar[Tracer | None] = None


def traces_are_on(settings: Settings) -> bool:
    """Return True if a collector is configured and no standard OTEL_* variable switches traces off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return bool(os.environ.get(_TRACES_ENDPOINT) or settings.otel_exporter_otlp_endpoint)


def start_telemetry(settings: Settings, engine: Engine) -> Callable[[], None]:
    """Start tracing in this worker if it is on. Return a function that stops it within `STOP_SECONDS`."""
    if not traces_are_on(settings):
        return lambda: None
    # The SDK is imported here, so that it costs no memory and no time while traces are off.
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": settings.otel_service_name})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(settings)))
    Tracing.tracer = provider.get_tracer("ecommerce")
    for name, listener in _ENGINE_LISTENERS.items():
        event.listen(engine, name, listener)

    def stop() -> None:
        Tracing.tracer = None
        for name, listener in _ENGINE_LISTENERS.items():
            event.remove(engine, name, listener)
        # This takes up to half a minute when the collector does not answer, and a shutdown must not wait for it.
        sending = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(STOP_SECONDS)

    return stop


def _exporter(settings: Settings) -> "SpanExporter":
    """Return the exporter for the protocol of the settings. Only this one is imported."""
    for_traces = os.environ.get(_TRACES_ENDPOINT)
    if (os.environ.get(_TRACES_PROTOCOL) or settings.otel_exporter_otlp_protocol) == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc  # noqa: PLC0415

        return OverGrpc(endpoint=for_traces or settings.otel_exporter_otlp_endpoint)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp  # noqa: PLC0415

    return OverHttp(endpoint=for_traces or f"{settings.otel_exporter_otlp_endpoint}".rstrip("/") + "/v1/traces")


def sql_span(statement: str) -> AbstractContextManager[None]:
    """Open a span around a statement that does not run on the engine. Do nothing while traces are off."""
    return _until_done(_start_sql(tracer, statement)) if (tracer := _tracer()) else _NO_SPAN


def redis_span(operation: str) -> AbstractContextManager[None]:
    """Open a span around a round trip to Redis. Do nothing while traces are off."""
    if (tracer := _tracer()) is None:
        return _NO_SPAN
    attributes = {"db.system.name": "redis", "db.operation.name": operation}
    return _until_done(tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=attributes))


def _tracer() -> Tracer | None:
    """Return the tracer within a traced request. Periodic work would start a trace with each statement."""
    return Tracing.tracer if Tracing.tracer and get_current_span().is_recording() else None


def _start_sql(tracer: Tracer, statement: str) -> Span:
    # The text of the statement holds placeholders, not values.
    operation = statement.split(None, 1)[0].upper()
    attributes = {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.text": statement}
    return tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=attributes)


@contextmanager
def _until_done(span: Span) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        _fail(span, error)
        raise
    finally:
        span.end()


def _fail(span: Span, error: BaseException) -> None:
    """Mark the span as failed, with the class of the error only: its text may hold values."""
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(StatusCode.ERROR)


def _before_statement(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
    if context is not None and (tracer := _tracer()):
        context.span = _start_sql(tracer, statement)


def _after_statement(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
    if span := getattr(context, "span", None):
        span.end()


def _on_error(error_context: Any) -> None:
    if span := getattr(error_context.execution_context, "span", None):
        _fail(span, error_context.original_exception)
        span.end()


_ENGINE_LISTENERS: dict[str, Callable[..., None]] = {
    "before_cursor_execute": _before_statement,
    "after_cursor_execute": _after_statement,
    "handle_error": _on_error,
}
