"""HEAD: the status and the headers of GET, and no body."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.database import Database
from tests.controllers.http.test_rest_rules import Owner
from tests.database import empty_tables
from tests.entities import Entity, every_entity
from tests.factories import Factory
from tests.infrastructure.observability.test_metrics import samples
from tests.servers import served_in_thread, until

PAGES = ("/", "/console", "/docs", "/redoc", "/openapi.json", "/static/docs.js?v=1", "/static/nothing", "/nothing")
HEALTH = ("/health_check", "/health_check/live", "/health_check/ready", "/metrics")
OF_ONE_RESPONSE = {"x-request-id", "x-cache-hit", "x-ratelimit-remaining", "x-ratelimit-reset", "date"}
BUDGET = 12


def read_twice(client: TestClient, path: str, **headers: str) -> tuple[Any, Any]:
    """Return the responses to HEAD and GET, without redirects."""
    options: dict[str, Any] = {"headers": headers, "follow_redirects": False}
    return client.head(path, **options), client.get(path, **options)


def assert_same_head(head: Any, full: Any) -> None:
    assert (head.status_code, head.content) == (full.status_code, b"")
    assert head.headers.keys() == full.headers.keys()
    for name in full.headers.keys() - OF_ONE_RESPONSE:
        assert head.headers[name] == full.headers[name], name


@every_entity
def test_head_of_entity_equals_get(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    one = f"{entity.path}/{made['id_key']}"
    below = [route.path for route in client.app.routes if route.path.startswith(f"{entity.path}/{{id_key}}/")]  # type: ignore[attr-defined] # FastAPI's
    paths = [entity.path, f"{entity.path}/", f"{entity.path}?count=true&after_id=0&limit=1", f"{entity.path}?limit=0"]
    paths += [one, f"{entity.path}/x", f"{entity.path}/{2**31 - 1}"]
    paths += [path.replace("{id_key}", str(made["id_key"])) for path in below]
    for path in paths:
        head, full = read_twice(client, path)
        assert_same_head(head, full)
        assert int(head.headers["Content-Length"]) == len(full.content)
    etag = client.head(one).headers["ETag"]
    head, full = read_twice(client, one, **{"If-None-Match": etag})
    assert head.status_code == 304
    assert_same_head(head, full)


@pytest.mark.parametrize("path", PAGES)
def test_head_of_page_equals_get(client: TestClient, path: str) -> None:
    assert_same_head(*read_twice(client, path))


@pytest.mark.parametrize("path", HEALTH)
def test_head_of_health_and_metrics_has_the_headers_of_get(client: TestClient, path: str) -> None:
    """Leave out the length: it depends on latencies and counters."""
    head, full = read_twice(client, path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers.keys() == full.headers.keys()
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/products", "/categories"])
def test_head_fills_the_cache_and_reads_it(client: TestClient, make: Factory, path: str) -> None:
    made = make.product() if path == "/products" else make.category()
    for where in (path, f"{path}/{made['id_key']}"):
        assert [client.head(where).headers["X-Cache-Hit"] for _ in range(2)] == ["false", "true"]
        assert client.get(where).headers["X-Cache-Hit"] == "true"


def test_head_is_counted_as_head_with_its_route(client: TestClient) -> None:
    before = samples(metrics.render())
    for path in ("/orders", "/health_check/live", "/products/1", "/nothing"):
        client.head(path)
    after = samples(metrics.render())
    grown = {name for name in after if name.startswith("http_requests_total") and after[name] != before.get(name)}
    routes = {"/orders 200", "/health_check/live 200", "/products/{id_key} 404", "unmatched 404"}
    assert grown == {f"http_requests_total HEAD {route}" for route in routes}


@pytest.mark.parametrize("path", ["/orders", "/clients", "/audit", "/products", "/orders/1/history"])
def test_head_has_the_policy_of_get(guarded: TestClient, guarded_app: FastAPI, make: Factory, path: str) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, Owner(guarded_app, make).headers):
        assert_same_head(*read_twice(guarded, path, **headers))
    foreign = f"/orders/{make.order()['id_key']}"
    assert guarded.head(foreign, headers=Owner(guarded_app, make).headers).status_code == 404


def test_added_routes_answer_head(settings: Settings) -> None:
    """A GET route answers HEAD wherever it is added, and a route for HEAD comes first."""
    from main import create_fastapi_app

    app = create_fastapi_app(settings)

    @app.get("/plain")
    async def plain() -> Response:
        return PlainTextResponse("plain")

    @app.head("/own")
    async def own() -> Response:
        return Response(headers={"X-Own": "true"})

    @app.get("/own")
    async def own_get() -> Response:
        return Response(b"own")

    client = TestClient(app)
    assert_same_head(*read_twice(client, "/plain"))
    assert client.head("/own").headers["X-Own"] == "true"
    assert client.post("/plain").headers["Allow"] == "GET, HEAD"


# On a real connection


@pytest.fixture(scope="module")
def app_with_faults(settings: Settings) -> FastAPI:
    from main import create_fastapi_app

    served = {"api_host": LOOPBACK, "api_port": free_port(), "rate_limit_enabled": True, "rate_limit_calls": BUDGET}
    app = create_fastapi_app(settings.model_copy(update={**served, "limit_concurrency": 3}))

    async def fail(_: Request) -> Response:
        raise RuntimeError("expected by the test")

    app.add_route("/fail", fail)
    return app


@pytest.fixture(scope="module")
def served(app_with_faults: FastAPI) -> Iterator[int]:
    with served_in_thread(app_with_faults) as port:
        yield port


@pytest.fixture
def port(served: int, committing: Database, empty_cache: None) -> Iterator[int]:
    yield served
    empty_tables(committing)


class Caller:
    """Client with its own address, on one connection. An unexpected body would be read as the next response."""

    def __init__(self, connection: http.client.HTTPConnection, address: str) -> None:
        self.connection, self.headers = connection, {"X-Forwarded-For": address}

    def read(self, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        socket_before = self.connection.sock
        self.connection.request(method, path, headers=self.headers | headers)
        response = self.connection.getresponse()
        assert socket_before in (None, self.connection.sock), "the connection was closed"
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def test_connection_is_intact_after_head(port: int) -> None:
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=30)) as connection:
        paths = (
            "/products",
            "/products",
            "/products/1",
            "/orders?limit=0",
            "/docs",
            "/static/docs.js",
            "/openapi.json",
        )
        for number, path in enumerate((*paths, "/health_check/live", "/fail", "/", "/nothing")):
            caller = Caller(connection, f"198.51.100.{number}")
            head, full = caller.read("HEAD", path), caller.read("GET", path)
            assert (head[0], head[2]) == (full[0], b"")
            assert {name: head[1][name] for name in head[1].keys() - OF_ONE_RESPONSE} == {
                name: full[1][name] for name in full[1].keys() - OF_ONE_RESPONSE
            }
            assert int(full[1]["content-length"]) == len(full[2])
            unchanged = caller.read("HEAD", path, **{"If-None-Match": full[1].get("etag", '"x"')})
            assert (unchanged[0], unchanged[2]) == (304 if "etag" in full[1] and full[0] == 200 else full[0], b"")


def test_head_is_limited_like_get(port: int) -> None:
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=30)) as connection:
        caller = Caller(connection, "198.51.100.200")
        remaining = [
            int(caller.read(method, path)[1]["x-ratelimit-remaining"])
            for method, path in [("HEAD", "/products"), ("GET", "/products"), ("HEAD", "/orders")] * (BUDGET // 3)
        ]
        assert remaining == list(reversed(range(BUDGET)))
        head, full = caller.read("HEAD", "/products"), caller.read("GET", "/products")
        assert (head[0], head[2], full[0]) == (429, b"", 429)
        assert head[1]["content-length"] == str(len(full[2]))
        assert caller.read("HEAD", "/health_check")[0] == 200


def test_head_of_an_overloaded_worker_has_no_body(port: int) -> None:
    """Unfinished requests fill the worker; it answers 503 and closes the connection."""
    unfinished = b"POST /categories HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n"

    def ask() -> bytes:
        with socket.create_connection((LOOPBACK, port)) as connection:
            connection.sendall(b"HEAD /products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return connection.makefile("rb").read()

    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(socket.create_connection((LOOPBACK, port))).sendall(unfinished)
        answer = until(lambda: found if (found := ask()).startswith(b"HTTP/1.1 503 ") else b"")
    assert b"content-length: " in answer
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1
