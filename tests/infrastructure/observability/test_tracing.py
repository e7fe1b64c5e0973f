"""Traces: spans that a collector receives, without personal data, and no delay when it is down."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from infrastructure.observability import tracing as telemetry
from infrastructure.observability.log_queue import TRACE_ID
from infrastructure.observability.tracing import NATIVE_TELEMETRY_OFF, Tracing, redis_span, sql_span, start_telemetry
from infrastructure.postgres.database import Database
from middleware.request_context import request_context
from middleware.scope_keys import ROUTE
from middleware.tracing import trace_requests
from tests.servers import ROOT, until

STATEMENT = "SELECT lastname FROM clients WHERE email = %(email)s"
EMAIL = "ada@example.com"


class Collector(ThreadingHTTPServer):
    """Collector that receives spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ExportTraceServiceRequest] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> dict[str, Span]:
        resources = [resource for request in self.requests for resource in request.resource_spans]
        return {span.name: span for resource in resources for scope in resource.scope_spans for span in scope.spans}


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class GrpcCollector(TraceServiceServicer):
    """Collector that receives spans by OTLP over gRPC."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def Export(  # noqa: N802 # name of the base class
        self, request: ExportTraceServiceRequest, context: object
    ) -> ExportTraceServiceResponse:
        scopes = [scope for resource in request.resource_spans for scope in resource.scope_spans]
        self.names += [span.name for scope in scopes for span in scope.spans]
        return ExportTraceServiceResponse()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    yield database
    database.close()


@contextmanager
def tracing(settings: Settings, database: Database, endpoint: str) -> Iterator[None]:
    stop = start_telemetry(settings.model_copy(update={"otel_exporter_otlp_endpoint": endpoint}), database.engine)
    try:
        yield
    finally:
        stop()


def build(database: Database) -> FastAPI:
    app = FastAPI(telemetry=NATIVE_TELEMETRY_OFF)

    @app.get("/clients/{id_key}")
    def client(id_key: int) -> str:
        with database.sessions() as session:
            session.execute(text("SELECT lastname FROM clients WHERE email = :email"), {"email": EMAIL})
        return TRACE_ID.get()

    @app.get("/read")
    async def read() -> None:
        with sql_span(STATEMENT):
            await database.reads.fetch(STATEMENT, {"email": EMAIL})
        with redis_span("MGET"):
            pass
        database.reads.close()

    @app.get("/fault")
    def fault() -> None:
        with database.sessions() as session:
            session.execute(text("INSERT INTO clients (name, lastname) VALUES ('Ada', 'Lovelace')"))

    @app.get("/health_check/live")
    async def live() -> None:
        """Do nothing."""

    app.add_middleware(request_context)
    app.add_middleware(trace_requests)
    return app


def attributes(span: Span) -> dict[str, Any]:
    values = {item.key: item.value for item in span.attributes}
    return {key: value.string_value or value.int_value for key, value in values.items()}


def test_request_with_a_statement(settings: Settings, database: Database, collector: Collector) -> None:
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with tracing(settings, database, collector.url), TestClient(build(database)) as client:
        answer = client.get(f"/clients/5?email={EMAIL}", headers=parent)
    assert answer.json() == "0af7651916cd43dd8448eb211c80319c"
    spans = collector.spans()
    request, statement = spans["GET /clients/{id_key}"], spans["SELECT"]
    assert request.kind == Span.SPAN_KIND_SERVER
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/clients/{id_key}",
        "network.protocol.version": "1.1",
        "url.path": "/clients/5",
        "url.scheme": "http",
    }
    assert statement.kind == Span.SPAN_KIND_CLIENT
    assert statement.parent_span_id == request.span_id
    assert statement.trace_id == request.trace_id
    assert attributes(statement) == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.query.text": STATEMENT,
    }
    assert EMAIL not in str(collector.requests)
    [resource] = collector.requests[0].resource_spans
    assert {item.key: item.value.string_value for item in resource.resource.attributes}[
        "service.name"
    ] == "ecommerce-api"


@pytest.mark.parametrize("is_for_traces_only", [False, True])
def test_spans_over_grpc(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, is_for_traces_only: bool
) -> None:
    collector, server = GrpcCollector(), grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call] # generated code
    endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    if is_for_traces_only:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    else:
        settings = settings.model_copy(update={"otel_exporter_otlp_protocol": "grpc"})
    with tracing(settings, database, endpoint), TestClient(build(database)) as client:
        assert client.get("/clients/5").status_code == 200
    server.stop(None).wait()
    assert sorted(collector.names) == ["GET /clients/{id_key}", "SELECT"]


def test_asynchronous_read_and_redis(settings: Settings, database: Database, collector: Collector) -> None:
    with tracing(settings, database, collector.url), TestClient(build(database)) as client:
        client.get("/read")
    spans = collector.spans()
    assert attributes(spans["SELECT"])["db.query.text"] == STATEMENT
    assert attributes(spans["MGET"]) == {"db.system.name": "redis", "db.operation.name": "MGET"}
    assert spans["SELECT"].parent_span_id == spans["MGET"].parent_span_id == spans["GET /read"].span_id


@pytest.mark.usefixtures("committing_client")
def test_the_application_traces_its_trips_to_redis(settings: Settings, collector: Collector) -> None:
    from main import create_fastapi_app

    app = create_fastapi_app(settings.model_copy(update={"otel_exporter_otlp_endpoint": collector.url}))
    with TestClient(app) as client:
        until(lambda: app.state.app_context.redis.is_up)
        client.get("/categories")
        client.post("/categories", json={"name": "Toys"})
    spans = collector.spans()
    assert attributes(spans["PIPELINE"]) == {"db.system.name": "redis", "db.operation.name": "PIPELINE"}
    assert spans["PIPELINE"].parent_span_id == spans["SELECT"].parent_span_id == spans["GET /categories"].span_id
    assert spans["UNLINK"].parent_span_id == spans["INSERT"].parent_span_id == spans["POST /categories"].span_id


def test_fault(settings: Settings, database: Database, collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    with tracing(settings, database, collector.url), TestClient(build(database)) as client:
        assert client.get("/fault").status_code == 500
    spans = collector.spans()
    assert spans["GET /fault"].status.code == spans["INSERT"].status.code == Status.STATUS_CODE_ERROR
    assert attributes(spans["INSERT"])["error.type"] == "NotNullViolation"
    assert attributes(spans["GET /fault"])["error.type"] == "500"
    assert "Failing row" not in str(collector.requests), "the database's text holds the row"
    assert [record for record in caplog.records if record.exc_info and isinstance(record.exc_info[1], IntegrityError)]


def test_answer_in_front_of_the_router(settings: Settings, database: Database, collector: Collector) -> None:
    async def edge(scope: Any, receive: Any, send: Any) -> None:
        scope[ROUTE] = "/products"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    client = TestClient(trace_requests(edge))
    with tracing(settings, database, collector.url):
        client.get("/products?skip=0")
    assert set(collector.spans()) == {"GET /products"}


def test_probes_are_not_traced(settings: Settings, database: Database, collector: Collector) -> None:
    with tracing(settings, database, collector.url), TestClient(build(database)) as client:
        client.get("/health_check/live")
        client.get("/nothing")
    assert set(collector.spans()) == {"GET"}


def test_off(settings: Settings, database: Database, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with tracing(settings, database, collector.url), TestClient(build(database)) as client:
        assert Tracing.tracer is None
        assert client.get("/clients/5").json() == ""
        client.get("/read")
    assert not collector.requests


def test_off_loads_no_sdk() -> None:
    program = "import sys, infrastructure.observability.tracing, middleware.tracing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "infrastructure.observability.tracing" in loaded
    assert not [name for name in loaded if name.startswith(("opentelemetry.sdk.trace", "opentelemetry.exporter"))]


def test_collector_that_is_silent_delays_nothing(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    monkeypatch.setattr(telemetry, "STOP_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, TestClient(build(database)) as client:
        with tracing(settings, database, f"http://127.0.0.1:{silent.getsockname()[1]}"):
            assert client.get("/clients/5").status_code == 200
        [sending] = [thread for thread in threading.enumerate() if thread.name == "last-spans"]
        assert sending.is_alive(), "the stop has waited for it"
        assert client.get("/clients/5").json() == ""
        sending.join()


def test_collector_that_is_away(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with tracing(settings, database, f"http://127.0.0.1:{port}"), TestClient(build(database)) as client:
        assert client.get("/clients/5").status_code == 200
