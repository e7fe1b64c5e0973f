"""Security and caching headers of every response."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from tests.credentials import UNKNOWN, execute_as_owner, key_headers, service
from tests.factories import Factory
from tests.servers import served_in_thread

NOTHING_LOADS = "default-src 'none'; frame-ancestors 'none'"
PUBLIC, PERSONAL, NO_STORE = "public, no-cache", "private, no-store", "no-store"
CREDENTIALS = {"authorization", "x-api-key"}


def assert_headers(answer: Any, status: int, cache_control: str, policy: str = NOTHING_LOADS) -> None:
    """Assert that the response has each header exactly once, with the expected value."""
    assert answer.status_code == status
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": policy,
        "Cache-Control": cache_control,
    }
    assert {name: answer.headers.get_list(name) for name in wanted} == {name: [one] for name, one in wanted.items()}
    varies = {name.strip().lower() for name in ",".join(answer.headers.get_list("Vary")).split(",")}
    assert CREDENTIALS & varies == (CREDENTIALS if cache_control == PERSONAL else set())
    assert "Server" not in answer.headers


@pytest.mark.parametrize("path", ["/products", "/categories", "/products/{}", "/categories/{}", "/reviews"])
def test_public_reads_may_be_stored_and_are_revalidated(client: TestClient, make: Factory, path: str) -> None:
    product = make.product()
    path = path.format(product["id_key" if path.startswith("/products") else "category_id"])
    for _ in range(2):  # for a cached resource, a miss and a hit
        answer = client.get(path)
        assert_headers(answer, 200, PUBLIC)
        assert_headers(client.get(path, headers={"If-None-Match": answer.headers["ETag"]}), 304, PUBLIC)


@pytest.mark.parametrize("path", ["/clients", "/addresses", "/orders", "/order_details", "/bills", "/audit"])
def test_personal_reads_are_not_stored(client: TestClient, make: Factory, path: str) -> None:
    make.order_detail()
    answer = client.get(path)
    assert_headers(answer, 200, PERSONAL)
    assert_headers(client.get(path, headers={"If-None-Match": answer.headers["ETag"]}), 304, PERSONAL)


def test_writes_are_not_stored(client: TestClient) -> None:
    made = client.post("/categories", json={"name": "Toys"}, headers={"Idempotency-Key": "k"})
    where = made.headers["Location"]
    assert_headers(made, 201, NO_STORE)
    assert_headers(client.post("/categories", json={"name": "Toys"}, headers={"Idempotency-Key": "k"}), 201, NO_STORE)
    assert_headers(client.put(where, json={"name": "Games"}), 200, NO_STORE)
    assert_headers(client.delete(where), 204, NO_STORE)


def test_errors_are_not_stored(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    admin = key_headers(guarded_app)
    client = key_headers(guarded_app, make.customer()["id_key"])
    make.category(name="Toys")
    broken = {"content": b"[[", "headers": admin}
    for status, method, path, options in (
        (401, "GET", "/orders", {}),
        (401, "GET", "/products", {"headers": UNKNOWN}),
        (403, "GET", "/audit", {"headers": client}),
        (404, "GET", "/products/2147483647", {}),
        (404, "GET", "/orders/2147483647", {"headers": admin}),
        (404, "GET", "/nothing", {}),
        (404, "GET", "/static/nothing.js", {}),
        (405, "PUT", "/categories", {}),
        (409, "POST", "/categories", {"json": {"name": "Toys"}, "headers": admin}),
        (413, "POST", "/categories", {**broken, "content": b"x" * 2_000_000}),
        (422, "POST", "/categories", broken),
        (422, "GET", "/products?limit=0", {}),
    ):
        assert_headers(guarded.request(method, path, **options), status, NO_STORE)


def test_internal_errors_are_not_stored(client: TestClient, app: FastAPI) -> None:
    execute_as_owner(app, "ALTER TABLE orders RENAME TO hidden")
    assert_headers(client.get("/orders"), 500, NO_STORE)


def test_outage_responses_are_not_stored(settings: Settings) -> None:
    with service(settings, postgres_port=free_port(), redis_prefix="shop") as http:
        assert_headers(http.get("/orders"), 503, NO_STORE)


def test_rate_limit_responses_are_not_stored(settings: Settings, empty_cache: None) -> None:
    with service(settings, rate_limit_enabled=True, rate_limit_calls=2) as http:
        assert_headers(http.get("/products"), 200, PUBLIC)
        assert_headers(http.get("/products"), 200, PUBLIC)
        assert_headers(http.get("/products"), 429, NO_STORE)


@pytest.mark.parametrize("path", ["/health_check", "/health_check/live", "/metrics", "/openapi.json"])
def test_health_metrics_and_schema_are_not_stored(client: TestClient, path: str) -> None:
    assert_headers(client.get(path), 200, NO_STORE)


@pytest.mark.parametrize("path", ["/console", "/docs", "/redoc"])
def test_docs_pages_have_their_own_policy(client: TestClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert_headers(answer, 200, "no-cache", policy)


def test_static_files_are_immutable(client: TestClient) -> None:
    assert_headers(client.get("/static/docs.js?v=1"), 200, "public, max-age=31536000, immutable")
    assert_headers(client.get("/", follow_redirects=False), 307, NO_STORE)


@pytest.mark.parametrize("origins", [("*",), ("https://shop.example.com",)])
def test_cors_responses_have_the_headers(settings: Settings, origins: tuple[str, ...]) -> None:
    origin = {"Origin": "https://shop.example.com"}
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "Authorization, X-API-Key"}
    with service(settings, cors_origins=origins) as http:
        preflight = http.options("/products/1", headers=origin | asked)
        assert_headers(preflight, 200, NO_STORE)
        assert "x-api-key" in preflight.headers["Access-Control-Allow-Headers"].lower()
        assert_headers(http.get("/products", headers=origin), 200, PUBLIC)
        assert_headers(http.get("/orders", headers=origin), 200, PERSONAL)
        assert_headers(http.get("/nothing", headers=origin), 404, NO_STORE)


@pytest.fixture
def port(settings: Settings, empty_cache: None) -> Iterator[int]:
    from main import create_fastapi_app

    settings = settings.model_copy(update={"api_host": LOOPBACK, "api_port": free_port()})
    with served_in_thread(create_fastapi_app(settings)) as port:
        yield port


def test_raw_response_does_not_reveal_the_server(port: int) -> None:
    names = {"x-content-type-options", "referrer-policy", "content-security-policy", "cache-control", "x-request-id"}
    hits = []
    with closing(http.client.HTTPConnection(LOOPBACK, port)) as connection:
        for path in ("/products", "/products", "/products", "/orders", "/nothing", "/docs", "/health_check/live"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            received = [name.lower() for name, _ in response.getheaders()]
            assert not {"server", "x-powered-by"} & set(received)
            assert sorted(name for name in received if name in names) == sorted(names)
            hits.append(response.getheader("x-cache-hit"))
    assert hits[:3] == ["false", "true", "true"]


SHOP, EVIL = "https://shop.example.com", "https://evil.example"


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        ((SHOP,), EVIL, 403),
        ((SHOP,), "null", 403),
        ((SHOP,), "https://shop.example.com.evil.example", 403),
        ((SHOP,), "http://shop.example.com", 403),
        ((SHOP,), SHOP, 201),
        ((SHOP,), "http://testserver", 201),
        ((SHOP,), "https://testserver", 201),
        ((), EVIL, 403),
        ((), "http://testserver", 201),
        (("*",), EVIL, 201),
    ],
)
def test_writes_of_other_origins_are_refused(
    settings: Settings, client: TestClient, app: FastAPI, origins: tuple[str, ...], origin: str, status: int
) -> None:
    with service(settings, app.state.app_context.database, cors_origins=origins) as http:
        answer = http.post("/categories", json={"name": "Toys"}, headers={"Origin": origin})
        assert answer.status_code == status
        assert "X-Request-ID" in answer.headers
        read = http.get("/categories", headers={"Origin": origin})
        assert [category["name"] for category in read.json()] == ["Toys"] * (status == 201)
        for method in ("PUT", "PATCH", "DELETE"):
            answer = http.request(method, "/categories/0", json={}, headers={"Origin": origin})
            assert answer.status_code == (404 if status == 201 else 403)
