"""Error responses: each status and its body."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.database import Database
from services.base_service_impl import BaseService
from services.client_service import ClientService
from services.exceptions import NotFoundError
from tests.entities import ENTITIES, Entity, every_entity
from tests.factories import Factory, Object
from tests.infrastructure.observability.test_metrics import samples

UNAVAILABLE = {"detail": "Service temporarily unavailable"}


def test_create_reports_the_first_missing_reference(client: TestClient, make: Factory) -> None:
    """Expect the client before the bill, and the order before the product."""
    order = {"total": 1, "delivery_method": 1}
    detail = {"quantity": 1, "price": 0.01}
    for path, body, missing in (
        ("/orders", order | {"client_id": 998, "bill_id": 999}, "Client with id 998"),
        ("/orders", order | {"client_id": 10**12, "bill_id": 10**12}, f"Client with id {10**12}"),
        ("/orders", order | {"client_id": 10**39, "bill_id": 999}, f"Client with id {10**39}"),
        ("/orders", order | {"client_id": make.customer()["id_key"], "bill_id": 10**12}, f"Bill with id {10**12}"),
        ("/order_details", detail | {"order_id": 998, "product_id": 999}, "Order with id 998"),
        ("/order_details", detail | {"order_id": make.order()["id_key"], "product_id": 999}, "Product with id 999"),
        ("/order_details", detail | {"order_id": 998, "product_id": make.product()["id_key"]}, "Order with id 998"),
    ):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()) == (404, {"message": f"{missing} not found"})


def test_update_reports_the_first_missing_reference(client: TestClient, make: Factory) -> None:
    order, detail = make.order(), make.order_detail()
    missing = client.put(f"/orders/{order['id_key']}", json={"client_id": 998, "bill_id": 999})
    assert missing.json() == {"message": "Client with id 998 not found"}
    missing = client.put(f"/order_details/{detail['id_key']}", json={"order_id": 998, "product_id": 999})
    assert missing.json() == {"message": "Order with id 998 not found"}


def test_invalid_input_is_reported_before_a_missing_object(client: TestClient) -> None:
    answer = client.post("/order_details", json={"quantity": 0, "order_id": 998, "product_id": 999})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "quantity"])
    assert client.put("/products/999", json={"price": 0}).status_code == 422


def test_all_invalid_fields_are_reported_together(client: TestClient) -> None:
    answer = client.post("/products", json={"name": " ", "price": 0, "stock": -1, "category_id": "1"})
    assert answer.status_code == 422
    assert [item["loc"] for item in answer.json()["detail"]] == [
        ["body", field] for field in ("name", "price", "stock", "category_id")
    ]
    assert all(set(item) == {"loc", "msg", "type"} and "Decimal" not in item["msg"] for item in answer.json()["detail"])


def test_detail_above_the_stock_is_refused(client: TestClient, make: Factory) -> None:
    product, order = make.product(stock=1), make.order()
    answer = client.post(
        "/order_details", json={"quantity": 2, "order_id": order["id_key"], "product_id": product["id_key"]}
    )
    detail = f"Insufficient stock for product {product['id_key']}. Requested: 2, Available: 1"
    assert (answer.status_code, answer.json()) == (400, {"detail": detail})


@pytest.mark.parametrize(
    ("price", "offered", "message"),
    [
        (999.99, 899.99, "Expected 999.99, got 899.99"),
        (10, 9.5, "Expected 10.00, got 9.50"),
        (0.01, 0.02, "Expected 0.01, got 0.02"),
        (9999999999.99, 9999999999.98, "Expected 9999999999.99, got 9999999999.98"),
    ],
)
def test_price_mismatch_is_refused(
    client: TestClient, make: Factory, price: float, offered: float, message: str
) -> None:
    product, order = make.product(price=price), make.order()
    body = {"quantity": 1, "order_id": order["id_key"], "product_id": product["id_key"]}
    answer = client.post("/order_details", json=body | {"price": offered})
    assert (answer.status_code, answer.json()) == (400, {"detail": f"Price mismatch. {message}"})
    assert client.post("/order_details", json=body | {"price": price}).status_code == 201


def test_email_uniqueness_ignores_case(client: TestClient, make: Factory) -> None:
    first, second = make.customer(email="John@Example.com"), make.customer()
    for answer in (
        client.post("/clients", json={"name": "J", "lastname": "D", "email": "JOHN@EXAMPLE.COM"}),
        client.patch(f"/clients/{second['id_key']}", json={"email": "john@example.com"}),
    ):
        assert (answer.status_code, answer.json()) == (409, {"detail": "Email already registered"})
    changed = client.put(f"/clients/{first['id_key']}", json={"email": "JOHN@example.com"})
    assert (changed.status_code, changed.json()["email"]) == (200, "JOHN@example.com")


def test_delete_of_a_referenced_object_conflicts(client: TestClient, make: Factory) -> None:
    detail = make.order_detail()
    order, product = (client.get(path).json()[0] for path in ("/orders", "/products"))
    for path, id_key, message in (
        ("/clients", order["client_id"], "client {}: it has orders"),
        ("/bills", order["bill_id"], "bill {}: it has orders"),
        ("/categories", product["category_id"], "category {}: it has products"),
        ("/products", detail["product_id"], "product {}: it has order details"),
    ):
        answer = client.delete(f"{path}/{id_key}")
        assert (answer.status_code, answer.json()) == (409, {"detail": f"Cannot delete {message.format(id_key)}"})
        assert client.get(f"{path}/{id_key}").status_code == 200


def test_delete_includes_addresses_and_reviews(client: TestClient, make: Factory) -> None:
    address, review = make.address(), make.review()
    assert client.delete(f"/clients/{address['client_id']}").status_code == 204
    assert client.delete(f"/products/{review['product_id']}").status_code == 204
    assert (client.get("/addresses").json(), client.get("/reviews").json()) == ([], [])


def test_refused_delete_of_a_client_keeps_its_addresses(client: TestClient, make: Factory) -> None:
    order = make.order()
    address = make.address(client_id=order["client_id"])
    assert client.delete(f"/clients/{order['client_id']}").status_code == 409
    assert client.get("/addresses").json() == [address]


@every_entity
def test_unsupported_method_of_an_entity_is_405(client: TestClient, entity: Entity) -> None:
    for path, allowed in ((entity.path, "GET, HEAD, POST"), (f"{entity.path}/1", "DELETE, GET, HEAD, PATCH, PUT")):
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - set(allowed.split(", ")):
            answer = client.request(method, path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, allowed), (method, path)
            assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize(
    ("path", "allowed"), [("/docs", "GET, HEAD"), ("/static/docs.js", "GET, HEAD"), ("/health_check", "GET, HEAD")]
)
def test_unsupported_method_of_a_page_is_405(client: TestClient, path: str, allowed: str) -> None:
    answer = client.post(path, json={})
    assert (answer.status_code, answer.headers["Allow"], list(answer.json())) == (405, allowed, ["detail"])


@pytest.mark.parametrize("path", ["/nothing", "/products/1/nothing", "/orders/1/order_details/1", "/v1/products"])
def test_unknown_path_is_404(client: TestClient, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = client.request(method, path)
        assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_body_over_the_limit_is_413(client: TestClient, settings: Settings) -> None:
    """Send it with a length and in chunks, to routes that read the body and to routes that do not."""
    too_long = b'{"name": "' + b"x" * settings.max_body_bytes + b'"}'

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(too_long), 65536):
            yield too_long[start : start + 65536]

    for entity in ENTITIES:
        for method, path in (("POST", entity.path), ("PUT", f"{entity.path}/1"), ("PATCH", f"{entity.path}/1")):
            for content in (too_long, pieces()):
                answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
                assert (answer.status_code, list(answer.json())) == (413, ["detail"])
    within = b'{"name": "just so", "more": "' + b"x" * (settings.max_body_bytes - 31) + b'"}'
    assert len(within) == settings.max_body_bytes
    assert client.post("/categories", content=within).status_code == 201


@contextmanager
def replaced_database(app: FastAPI, database: Database) -> Iterator[None]:
    app_context = app.state.app_context
    own, app_context.database = app_context.database, database
    try:
        yield
    finally:
        app_context.database = own
        database.close()


def requests_of(entity: Entity, body: Object) -> list[tuple[str, str, Object | None]]:
    one = f"{entity.path}/1"
    return [
        ("GET", entity.path, None),
        ("GET", f"{entity.path}?count=true", None),
        ("GET", one, None),
        ("POST", entity.path, body),
        ("PUT", one, body),
        ("PATCH", one, {}),
        ("DELETE", one, None),
    ]


def assert_unavailable(answer: Any) -> None:
    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert int(answer.headers["Retry-After"]) >= 1


@every_entity
def test_entity_operations_without_the_database_are_503(
    app: FastAPI, client: TestClient, make: Factory, settings: Settings, entity: Entity
) -> None:
    body = entity.body(make)
    with replaced_database(app, Database(settings.model_copy(update={"postgres_port": free_port()}))):
        for method, path, content in requests_of(entity, body):
            assert_unavailable(client.request(method, path, json=content))
        assert_unavailable(client.post(entity.path, json=body, headers={"Idempotency-Key": "away"}))
    assert client.get(entity.path).status_code == 200


def test_other_operations_without_the_database_are_503(app: FastAPI, client: TestClient, settings: Settings) -> None:
    checkout = {
        "client_id": 1,
        "delivery_method": 1,
        "payment_type": "cash",
        "items": [{"product_id": 1, "quantity": 1}],
    }
    with replaced_database(app, Database(settings.model_copy(update={"postgres_port": free_port()}))):
        assert_unavailable(client.post("/orders/checkout", json=checkout))
        for path in ("/clients/1/orders", "/clients/1/summary", "/orders/1/history", "/products/1/rating"):
            assert_unavailable(client.get(path))
        assert_unavailable(client.get("/products/low_stock"))
        assert client.post("/products", json={}).status_code == 422
        assert client.get("/health_check/live").status_code == 200


def test_lock_timeout_is_503(
    app: FastAPI, committing_client: TestClient, committing: Database, settings: Settings
) -> None:
    product = Factory(committing_client).product()
    impatient = settings.model_copy(update={"db_lock_timeout": 0.1, "db_statement_timeout": 0.3})
    with replaced_database(app, Database(impatient)), committing.engine.begin() as connection:
        connection.execute(text("SELECT FROM products FOR UPDATE"))
        assert_unavailable(committing_client.put(f"/products/{product['id_key']}", json={"stock": 5}))
        connection.execute(text("LOCK TABLE clients"))
        assert_unavailable(committing_client.get("/clients"))
        assert_unavailable(committing_client.post("/clients", json={"name": "x", "lastname": "y", "email": "a@b.co"}))
    assert committing_client.get(f"/products/{product['id_key']}").json() == product


def test_busy_worker_threads_are_503(
    app: FastAPI, committing_client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, held = threading.Event(), threading.Event()

    def hold(*_: Any) -> None:
        held.set()
        release.wait(30)
        raise NotFoundError("Client", 1)

    busy = settings.model_copy(update={"db_threads": 1, "db_pool_timeout": 0.1})
    with replaced_database(app, Database(busy)), monkeypatch.context() as patch:
        patch.setattr(ClientService, "lock", hold)
        waiting = threading.Thread(target=committing_client.delete, args=("/clients/1",))
        waiting.start()
        assert held.wait(30)
        assert_unavailable(committing_client.patch("/categories/1", json={"name": "Toys"}))
        release.set()
        waiting.join()


@pytest.mark.parametrize("path", ["/products", "/categories"])
def test_errors_of_cached_reads_are_no_cache_hits(
    app: FastAPI, client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def status_and_hit(requested_path: str, method: str = "GET") -> tuple[int, str | None]:
        answer = client.request(method, requested_path)
        return answer.status_code, answer.headers.get("X-Cache-Hit")

    assert [status_and_hit(f"{path}/{id_key}") for id_key in (999, 10**12, "x")] == [(404, "false")] * 2 + [
        (422, "false")
    ]
    assert status_and_hit(f"{path}?limit=0") == (422, "false")
    with replaced_database(app, Database(settings.model_copy(update={"postgres_port": free_port()}))):
        assert [status_and_hit(path), status_and_hit(f"{path}/1")] == [(503, "false")] * 2
    with monkeypatch.context() as patch:
        patch.setattr(BaseService, "page", _fail)
        assert status_and_hit(path) == (500, "false")
    assert status_and_hit(f"{path}/999", "DELETE") == (404, None)


def _fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError("secret SQL: SELECT password FROM users")


@pytest.mark.parametrize("name", ["get_all", "get_one", "before_save", "update", "delete"])
def test_internal_error_reveals_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setattr(BaseService, name, _fail)
    calls: dict[str, Callable[[], Any]] = {
        "get_all": lambda: client.get("/bills"),
        "get_one": lambda: client.get("/bills/1"),
        "before_save": lambda: client.post("/bills", json={"total": 1, "payment_type": "cash"}),
        "update": lambda: client.put("/bills/1", json={}),
        "delete": lambda: client.delete("/bills/1"),
    }
    answer = calls[name]()
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal server error"})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    assert "secret" not in str(answer.headers)
    assert [record for record in caplog.records if record.levelname == "ERROR" and record.exc_info]


@pytest.mark.parametrize(("method", "path"), [("POST", "/clients"), ("PATCH", "/clients/{id_key}")])
def test_client_disconnect_in_the_body_is_no_error(
    app: FastAPI, running_app: TestClient, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    """Count the request with nginx's status 499, and log no error."""
    messages = [{"type": "http.request", "body": b'{"name": "', "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        """Discard the message: the client is gone."""

    scope: dict[str, Any] = {"type": "http", "method": method, "path": path.format(id_key=1), "query_string": b""}
    scope |= {"headers": [(b"content-length", b"20")], "scheme": "http", "http_version": "1.1"}
    before = samples(metrics.render())
    with caplog.at_level(logging.WARNING):
        asyncio.run(app(scope, receive, send))
    after = samples(metrics.render())
    grown = {name: after[name] - before.get(name, 0) for name in after if "_total" in name}
    assert [name for name, times in grown.items() if times] == [f"http_requests_total {method} {path} 499"]
    assert caplog.records == []
