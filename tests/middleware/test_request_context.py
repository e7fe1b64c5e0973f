"""Outermost layer: request ids, metrics, access log, and the response to an unhandled error."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.observability.log_queue import REQUEST_ID
from infrastructure.observability.metrics import metrics
from middleware.client_ip import ClientIpResolver
from middleware.request_context import request_context
from middleware.scope_keys import ROUTE
from tests.infrastructure.observability.test_metrics import samples

INTERNAL_ERROR = {"detail": "Internal server error"}


def build() -> FastAPI:
    router = APIRouter(prefix="/things")

    @router.get("")
    @router.get("/")
    async def things() -> str:
        return REQUEST_ID.get()

    @router.get("/{id_key}")
    def thing(id_key: int) -> str:
        return REQUEST_ID.get()

    @router.get("/faults/early")
    async def early() -> None:
        raise RuntimeError("broken")

    @router.get("/faults/late")
    async def late() -> StreamingResponse:
        async def part() -> AsyncIterator[bytes]:
            yield b"begun"
            raise RuntimeError("broken")

        return StreamingResponse(part())

    app = FastAPI()
    app.include_router(router)
    app.add_middleware(request_context, access_log=ClientIpResolver([ip_network("127.0.0.0/8")]))
    return app


Sent = Sequence[tuple[bytes, bytes]]


class Client:
    """Client that calls the application in this process; each request has its own context, as in a server."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(
        self, path: str, method: str = "GET", request_id: str | None = None, sent: Sent = ()
    ) -> httpx2.Response:
        headers = [*sent, *([(b"X-Request-ID", request_id.encode())] if request_id is not None else [])]

        async def send() -> httpx2.Response:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://test") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(send())


@pytest.fixture
def call() -> Client:
    return Client(build())


@pytest.fixture
def counted() -> dict[str, float]:
    """Return by how much each sample has grown since the start of the test."""
    before = samples(metrics.render())

    class Counted(dict[str, float]):
        def __missing__(self, name: str) -> float:
            return samples(metrics.render()).get(name, 0) - before.get(name, 0)

    return Counted()


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 128])
def test_valid_request_id_is_kept(call: Client, given: str) -> None:
    answer = call("/things", request_id=given)
    assert answer.headers["X-Request-ID"] == answer.json() == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a;b", "<script>", "ü"])
def test_invalid_request_id_is_replaced(call: Client, given: str) -> None:
    answer = call("/things", request_id=given)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.headers["X-Request-ID"])
    assert answer.json() == answer.headers["X-Request-ID"] != given


def test_generated_request_ids_differ(call: Client) -> None:
    ids = {call("/things").headers["X-Request-ID"] for _ in range(20)}
    ids |= {Client(build())("/things").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 23


def test_request_id_reaches_threads(call: Client) -> None:
    answer = call("/things/1")
    assert answer.json() == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("path", "method", "status", "route"),
    [
        ("/things", "GET", 200, "GET /things"),
        ("/things/", "GET", 200, "GET /things"),
        ("/things/5", "GET", 200, "GET /things/{id_key}"),
        ("/things/x", "GET", 422, "GET /things/{id_key}"),
        ("/things/5", "DELETE", 405, "DELETE /things/{id_key}"),
        ("/nothing/5", "GET", 404, "GET unmatched"),
        ("/things", "BREW", 405, "OTHER /things"),
    ],
)
def test_response_has_an_id_and_is_counted_by_route(
    call: Client, counted: dict[str, float], path: str, method: str, status: int, route: str
) -> None:
    answer = call(path, method)
    assert answer.status_code == status
    assert len(answer.headers.get_list("X-Request-ID")) == 1
    assert counted[f"http_requests_total {route} {status}"] == 1
    assert counted[f"http_request_duration_seconds_count {route}"] == 1
    assert counted["http_requests_in_progress"] == 0


def test_response_before_the_router_has_one_request_id(counted: dict[str, float]) -> None:
    """Send the same message object in each response."""
    start: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}

    async def fast_path(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = "/products/{id_key}"
        await send(start)
        await send({"type": "http.response.body"})

    call = Client(request_context(fast_path))
    assert all(len(call("/products/1").headers.get_list("X-Request-ID")) == 1 for _ in range(3))
    assert counted["http_requests_total GET /products/{id_key} 200"] == 3


def test_unhandled_error_is_logged_once_and_becomes_500(
    call: Client, counted: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    answer = call("/things/faults/early", request_id="abc")
    assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
    assert answer.headers["X-Request-ID"] == "abc"
    assert answer.headers["Content-Type"] == "application/json"
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info
    assert str(record.exc_info[1]) == "broken"
    assert counted["http_errors_total GET /things/faults/early 500"] == 1


def test_error_within_a_response_reaches_the_server(call: Client, counted: dict[str, float]) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        call("/things/faults/late")
    assert counted["http_requests_total GET /things/faults/late 200"] == 1


def test_access_log_line(call: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "access"):
        call("/things/%0Ax?email=ada@example.com")
    [record] = [record for record in caplog.records if record.name == "access"]
    facts = {name: getattr(record, name) for name in ("method", "path", "status", "client")}
    assert facts == {"method": "GET", "path": "/things/%0Ax", "status": 422, "client": "127.0.0.1"}
    assert record.__dict__["duration_ms"] >= 0


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        ([(b"x-forwarded-for", b"203.0.113.9")], "203.0.113.9"),
        ([(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"203.0.113.9, 127.0.0.5")], "203.0.113.9"),
        ([(b"x-real-ip", b"203.0.113.9")], "203.0.113.9"),
        ([(b"x-forwarded-for", b"2001:db8::1:2")], "2001:db8::/64"),
        ([(b"x-forwarded-for", b"a\nb")], "127.0.0.1"),
    ],
)
def test_access_log_has_the_address_that_the_limiter_uses(
    call: Client, caplog: pytest.LogCaptureFixture, sent: Sent, client: str
) -> None:
    with caplog.at_level(logging.INFO, "access"):
        call("/things", sent=sent)
    [record] = [record for record in caplog.records if record.name == "access"]
    assert record.__dict__["client"] == client


def test_access_log_is_off_by_default(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    app.add_middleware(request_context)
    with caplog.at_level(logging.INFO, "access"):
        Client(app)("/")
    assert not [record for record in caplog.records if record.name == "access"]
