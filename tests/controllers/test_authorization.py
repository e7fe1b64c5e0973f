"""Access to every route of the application for every kind of caller."""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from controllers import CONTROLLERS
from controllers.http.access import PUBLIC
from repositories.base_repository_impl import BaseRepository
from services.auth.principal import Role
from services.caching.registry import CACHED_RESOURCES
from tests.credentials import Headers, Issuer, bearer, execute, execute_as_owner, key_headers, new_key
from tests.entities import ENTITIES
from tests.factories import Factory, Object
from tests.payment_provider import ProviderDouble

PAGES = {"/", "/console", "/docs", "/guide", "/redoc", "/openapi.json", "/static", "/metrics"}
HEALTH = "/health_check"

# Operations in neither set are for admins only.
PUBLIC_OPERATIONS = {
    "GET /products",
    "GET /products/{id_key}",
    "GET /products/{id_key}/rating",
    "GET /products/{id_key}/reviews",
    "GET /products/low_stock",
    "GET /categories",
    "GET /categories/{id_key}",
    "GET /categories/{id_key}/products",
    "GET /reviews",
    "GET /reviews/{id_key}",
    "POST /payments/webhooks/stripe",
}
CLIENT_OPERATIONS = {
    "GET /clients",
    "GET /clients/{id_key}",
    "GET /clients/{id_key}/addresses",
    "GET /clients/{id_key}/export",
    "GET /clients/{id_key}/orders",
    "GET /clients/{id_key}/summary",
    "PUT /clients/{id_key}",
    "PATCH /clients/{id_key}",
    "GET /addresses",
    "POST /addresses",
    "GET /addresses/{id_key}",
    "PUT /addresses/{id_key}",
    "PATCH /addresses/{id_key}",
    "DELETE /addresses/{id_key}",
    "GET /orders",
    "POST /orders/checkout",
    "GET /orders/{id_key}",
    "GET /orders/{id_key}/history",
    "GET /orders/{id_key}/balance",
    "GET /orders/{id_key}/order_details",
    "GET /orders/{id_key}/shipping_address",
    "GET /orders/{id_key}/tracking",
    "GET /orders/{id_key}/payments",
    "POST /orders/{id_key}/payments",
    "PUT /orders/{id_key}",
    "PATCH /orders/{id_key}",
    "GET /order_details",
    "GET /order_details/{id_key}",
    "GET /bills",
    "GET /bills/{id_key}",
    "GET /payments",
    "GET /payments/{id_key}",
    "GET /orders/{id_key}/returns",
    "POST /orders/{id_key}/returns",
    "GET /returns",
    "GET /returns/{id_key}",
    "POST /reviews",
}
WITHOUT_OWNERS = {"POST /reviews"}
SHIPPING_ADDRESS = """
    INSERT INTO shipping_addresses (order_id, address_id, street, city, client_id) VALUES (:order, 1, 's', 'c', :client)
"""
# A return of an order that is not delivered: the other operations need an open order.
RETURN = "INSERT INTO returns (order_id, reason, amount) VALUES (:order, 'x', 1) RETURNING id_key"
NOTE = """
    INSERT INTO credit_notes (number, bill_id, return_id, amount)
    SELECT 'CN-1', bill_id, returns.id_key, 1 FROM returns JOIN orders ON orders.id_key = order_id
    WHERE returns.id_key = :key RETURNING id_key
"""
# Words below an object that are no resource of their own.
VIEWS = {
    *("approve", "archive", "balance", "cancel", "capture", "events", "history", "rating", "receive", "refund"),
    *("reject", "retry", "rotate", "rotate_secret", "shipping_address", "summary", "tracking", "unarchive"),
}
RENAMED = {"deliveries": "webhook_deliveries"}
WEBHOOK = {"url": "https://1.1.1.1/", "event_types": ["category.*"]}
REFERENCED = {f"DELETE /{name}/{{id_key}}" for name in ("clients", "categories", "products", "bills", "orders")}
# The payments are authorized, the returns requested. The webhook has no signature.
FAILING = {"POST /payments/{id_key}/refund": 409, "POST /payments/webhooks/stripe": 400}
FAILING |= dict.fromkeys(("POST /returns/{id_key}/receive", "POST /returns/{id_key}/refund"), 409)
FAILING |= {"POST /orders/{id_key}/returns": 409}
ACTIONS = ("/approve", "/archive", "/cancel", "/capture", "/reject", "/retry", "/unarchive")
BULK = ("/products/batch", "/products/import")
SUCCESS = {"GET": 200, "POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
PAYMENT = {"provider": "double", "token": "card", "amount": 1}

Statuses = dict[str, int]


class Operation(NamedTuple):
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def resource(self) -> str:
        """Return the resource that is read or written: `orders` for `/clients/{id_key}/orders`."""
        first, *rest = self.path[1:].split("/")
        return RENAMED.get(rest[1], rest[1]) if len(rest) == 2 and rest[1] not in VIEWS else first

    def is_within(self, scopes: Set[str]) -> bool:
        if str(self) in PUBLIC_OPERATIONS or f"{self.resource}:write" in scopes:
            return True
        return self.method == "GET" and bool(scopes & {"read", f"{self.resource}:read"})

    @property
    def success(self) -> int:
        """Return the status of an authorized request; deleting a referenced object conflicts."""
        if str(self) in REFERENCED:
            return 409
        return FAILING.get(str(self), 200 if self.path.endswith((*ACTIONS, *BULK)) else SUCCESS[self.method])


class Shop:
    """Shop with two clients that own an object of each kind, and with objects without an owner."""

    def __init__(self, guarded: TestClient, app: FastAPI, make: Factory, provider: ProviderDouble) -> None:
        self.http, self.app, self.make, self.provider = guarded, app, make, provider
        self.product = make.product(stock=100)["id_key"]
        self.unowned = {entity.path: entity.make(make)["id_key"] for entity in ENTITIES}
        self.unowned |= {"/products": self.product, "/categories": make.product()["category_id"]}
        [movement] = make.client.get(f"/products/{self.product}/stock_movements").json()
        self.unowned |= {"/stock_movements": movement["id_key"]}
        [(key,)] = execute(app, "SELECT id_key FROM api_keys WHERE name = :name", name=new_key(app).name)
        self.unowned |= {"/api_keys": key}
        self.unowned |= self._webhooks()
        shipped = make.order_detail(product_id=self.product)["order_id"]
        self.unowned |= {"/shipments": make.post(f"/orders/{shipped}/shipments", {})["id_key"]}
        [(returned,)] = execute(app, RETURN, order=shipped)
        self.unowned |= {"/credit_notes": execute(app, NOTE, key=returned)[0][0]}
        self.a, self.b = self._objects(), self._objects()

    def _webhooks(self) -> dict[str, int]:
        self.make.client.get("/events")  # publishes the events before
        endpoint = self.make.post("/webhook_endpoints", WEBHOOK)["id_key"]
        self.make.category()
        self.make.client.get("/events")
        [delivery] = self.make.client.get(f"/webhook_endpoints/{endpoint}/deliveries").json()
        return {"/webhook_endpoints": endpoint, "/webhook_deliveries": delivery["id_key"]}

    def _objects(self) -> dict[str, int]:
        client = self.make.customer()["id_key"]
        order = self.make.order(client_id=client)
        execute(self.app, SHIPPING_ADDRESS, order=order["id_key"], client=client)
        [(returned,)] = execute(self.app, RETURN, order=order["id_key"])
        return self.unowned | {
            "/clients": client,
            "/addresses": self.make.address(client_id=client)["id_key"],
            "/orders": order["id_key"],
            "/order_details": self.make.order_detail(order_id=order["id_key"], product_id=self.product)["id_key"],
            "/bills": order["bill_id"],
            "/payments": self.make.post(f"/orders/{order['id_key']}/payments", PAYMENT)["id_key"],
            "/returns": returned,
        }

    def body(self, operation: Operation, objects: dict[str, int]) -> Object | None:
        """Return a valid body; an update changes nothing."""
        if operation.path == "/orders/checkout":
            items = [{"product_id": self.product, "quantity": 1}]
            return {"client_id": objects["/clients"], "delivery_method": 1, "payment_type": "card", "items": items}
        if operation.path.endswith(ACTIONS):
            return None
        if operation.path == "/products/batch":
            return {"items": [{"id_key": objects["/products"]}]}
        if operation.path.endswith("/stock_movements"):
            return {"reason": "received", "quantity": 1}
        if operation.path == "/shipments/{id_key}/events":
            return {"status": "delivered"}
        if operation.path.endswith("/shipments"):
            return {} if operation.method == "POST" else None
        if operation.path == "/orders/{id_key}/returns" and operation.method == "POST":
            return {"lines": [{"order_detail_id": objects["/order_details"], "quantity": 1}], "reason": "x"}
        if "/returns" in operation.path:
            return None
        if "/payments" in operation.path:
            return PAYMENT if operation.path.startswith("/orders") and operation.method == "POST" else None
        if operation.path.startswith("/webhook_") and operation.method == "POST":
            return WEBHOOK if operation.path == "/webhook_endpoints" else None
        if operation.path.startswith("/api_keys"):
            return {"role": "admin"} if operation.method == "POST" else None
        if operation.method == "POST":
            given = {f"{path[1:-1]}_id": objects[path] for path in ("/clients", "/orders", "/bills", "/products")}
            entity = next(entity for entity in ENTITIES if entity.path == operation.path)
            return entity.body(self.make, **given)
        return {} if operation.method in ("PUT", "PATCH") else None

    def send(self, operation: Operation, objects: dict[str, int], headers: Headers) -> Any:
        """Send the operation for these objects, roll back its effect, and return the response."""
        path = operation.path.replace("{id_key}", str(objects.get(operation.path.partition("/{")[0], 0)))
        with rolled_back(self.app), self.provider.rolled_back():
            if operation.path == "/products/import":
                return self.http.post(path, content=b"id_key\n", headers=headers)
            return self.http.request(operation.method, path, json=self.body(operation, objects), headers=headers)

    def statuses(self, objects: dict[str, int], headers: Headers) -> Statuses:
        return {
            str(operation): self.send(operation, objects, headers).status_code for operation in operations(self.app)
        }


@contextmanager
def rolled_back(app: FastAPI) -> Iterator[None]:
    with app.state.app_context.database.connection.begin_nested() as savepoint:
        yield
        savepoint.rollback()


@pytest.fixture
def shop(guarded: TestClient, guarded_app: FastAPI, make: Factory, provider: ProviderDouble) -> Iterator[Shop]:
    app_context = guarded_app.state.app_context
    own, app_context.providers = app_context.providers, {**app_context.providers, "double": provider}
    yield Shop(guarded, guarded_app, make, provider)
    app_context.providers = own


def guarded_routes(app: FastAPI) -> list[Any]:
    return [route for route in app.routes if hasattr(route, "policy")]


def operations(app: FastAPI) -> list[Operation]:
    return [Operation(method, route.path) for route in guarded_routes(app) for method in sorted(route.methods)]


def repository_of(route: Any) -> type[BaseRepository[Any]]:
    """Return the repository of the entity that the route reads or writes."""
    return next(one.service.repository for one in CONTROLLERS if one.prefix[1:].replace("_", " ") == route.tags[0])


def test_every_route_has_a_policy_or_is_a_public_page(guarded_app: FastAPI) -> None:
    routes: list[Any] = list(guarded_app.routes)
    open_paths = {route.path for route in routes if not hasattr(route, "policy")}
    assert {path for path in open_paths if path != HEALTH and not path.startswith(f"{HEALTH}/")} <= PAGES
    assert {route.path for route in routes if isinstance(route, Mount)} <= {"/static", "/guide"}
    assert not [route.path for route in guarded_routes(guarded_app) if not route.policy.roles <= set(Role)]


def test_client_only_routes_have_an_owner_filter(guarded_app: FastAPI) -> None:
    for route in guarded_routes(guarded_app):
        if Role.CLIENT in route.policy.roles and not route.policy.is_public:
            has_owners = repository_of(route).owner_filter is not BaseRepository.owner_filter
            assert has_owners != (f"{min(route.methods)} {route.path}" in WITHOUT_OWNERS), route.path


def test_cached_resources_are_public(guarded_app: FastAPI) -> None:
    names = set(CACHED_RESOURCES)
    assert names == {"products", "categories"}
    cached = [route for route in guarded_routes(guarded_app) if route.tags[0] in names]
    reads = [route for route in cached if "GET" in route.methods and not route.path.endswith("/export")]
    assert all(route.policy == PUBLIC for route in reads)


def test_listed_operations_exist(guarded_app: FastAPI) -> None:
    assert {
        str(operation) for operation in operations(guarded_app)
    } >= PUBLIC_OPERATIONS | CLIENT_OPERATIONS | REFERENCED
    assert not PUBLIC_OPERATIONS & CLIENT_OPERATIONS


def expected(app: FastAPI, others: Callable[[Operation], int], clients: Callable[[Operation], int]) -> Statuses:
    """Return the status of each operation: public ones succeed; `clients` and `others` give the rest."""

    def status(operation: Operation) -> int:
        if str(operation) in PUBLIC_OPERATIONS:
            return operation.success
        return (clients if str(operation) in CLIENT_OPERATIONS else others)(operation)

    return {str(operation): status(operation) for operation in operations(app)}


def test_anonymous_access(shop: Shop) -> None:
    wanted = expected(shop.app, others=lambda _: 401, clients=lambda _: 401)
    assert shop.statuses(shop.a, {}) == wanted


def credentials_of(shop: Shop, issuer: Issuer, kind: str, client_id: int | None) -> Headers:
    if kind == "key":
        return key_headers(shop.app, client_id)
    return bearer(issuer.token(kind, role="client" if client_id else "admin", client_id=client_id))


every_kind = pytest.mark.parametrize("kind", ["key", "HS256", "RS256", "ES256"])


@every_kind
def test_admin_access(shop: Shop, issuer: Issuer, kind: str) -> None:
    wanted = expected(shop.app, others=lambda operation: operation.success, clients=lambda operation: operation.success)
    assert shop.statuses(shop.b, credentials_of(shop, issuer, kind, None)) == wanted


@pytest.mark.parametrize(
    "scopes", [{"read"}, {"orders:read"}, {"orders:write", "audit:read"}, {"api_keys:write"}], ids=sorted
)
def test_scopes_limit_an_admin_key(shop: Shop, scopes: set[str]) -> None:
    wanted = {str(one): one.success if one.is_within(scopes) else 403 for one in operations(shop.app)}
    # Both would make a key without scopes.
    wanted |= dict.fromkeys(("POST /api_keys", "POST /api_keys/{id_key}/rotate"), 403)
    assert shop.statuses(shop.b, key_headers(shop.app, scopes=sorted(scopes))) == wanted


def test_scopes_limit_a_client_key(shop: Shop) -> None:
    headers = key_headers(shop.app, shop.a["/clients"], scopes=["read"])
    reads = PUBLIC_OPERATIONS | {name for name in CLIENT_OPERATIONS if name.startswith("GET")}
    wanted = {str(one): one.success if str(one) in reads else 403 for one in operations(shop.app)}
    assert shop.statuses(shop.a, headers) == wanted


@every_kind
def test_client_access_to_own_objects(shop: Shop, issuer: Issuer, kind: str) -> None:
    wanted = expected(shop.app, others=lambda _: 403, clients=lambda operation: operation.success)
    assert shop.statuses(shop.a, credentials_of(shop, issuer, kind, shop.a["/clients"])) == wanted


@every_kind
def test_client_access_to_objects_of_another_client(shop: Shop, issuer: Issuer, kind: str) -> None:
    def others(operation: Operation) -> int:
        is_list = "{" not in operation.path and operation.method == "GET"
        return 200 if is_list else operation.success if str(operation) in WITHOUT_OWNERS else 404

    wanted = expected(shop.app, others=lambda _: 403, clients=others)
    assert shop.statuses(shop.b, credentials_of(shop, issuer, kind, shop.a["/clients"])) == wanted


def test_clients_do_not_record_manual_payments(shop: Shop) -> None:
    path, key = f"/orders/{shop.a['/orders']}/payments", key_headers(shop.app, shop.a["/clients"])
    for body in ({}, {"provider": "manual"}):
        refused = shop.http.post(path, json=body, headers=key)
        assert (refused.status_code, refused.json()) == (403, {"detail": "Only an admin may record a manual payment"})
    assert shop.http.post(path, json={}, headers=key_headers(shop.app)).status_code == 201


def visible_parts(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return everything that a response reveals, without its request id."""
    headers = [(name, value) for name, value in answer.headers.multi_items() if name != "x-request-id"]
    return answer.status_code, answer.content, headers


def test_object_of_another_client_looks_like_a_missing_one(shop: Shop) -> None:
    key = key_headers(shop.app, shop.a["/clients"])
    about_one = [one for one in operations(shop.app) if str(one) in CLIENT_OPERATIONS and "{id_key}" in one.path]
    refused = [visible_parts(shop.send(operation, shop.b, key)) for operation in about_one]
    execute_as_owner(shop.app, "DELETE FROM payments; DELETE FROM credit_notes; DELETE FROM returns")
    for path in ("/orders", "/addresses", "/bills", "/clients"):
        assert shop.make.client.delete(f"{path}/{shop.b[path]}").status_code == 204
    assert [visible_parts(shop.send(operation, shop.b, key)) for operation in about_one] == refused
    assert {status for status, _, _ in refused} == {404}


@pytest.mark.parametrize(
    "path", ["/clients", "/addresses", "/orders", "/order_details", "/bills", "/payments", "/returns"]
)
def test_lists_contain_only_own_objects(shop: Shop, path: str) -> None:
    key = key_headers(shop.app, shop.a["/clients"])
    for query in ("", "&after_id=0", "&skip=0&limit=1", "&limit=1000"):
        answer = shop.http.get(f"{path}?count=true{query}", headers=key)
        assert [one["id_key"] for one in answer.json()] == [shop.a[path]], query
        assert answer.headers["X-Total-Count"] == "1"
    both = shop.http.get(f"{path}?count=true", headers=key_headers(shop.app))
    assert {shop.a[path], shop.b[path]} <= {one["id_key"] for one in both.json()}
    assert int(both.headers["X-Total-Count"]) == len(both.json())


@pytest.mark.parametrize("path", ["/addresses?client_id=", "/orders?client_id="])
def test_filter_by_another_client_finds_nothing(shop: Shop, path: str) -> None:
    key = key_headers(shop.app, shop.a["/clients"])
    answer = shop.http.get(f"{path}{shop.b['/clients']}&count=true", headers=key)
    assert (answer.json(), answer.headers["X-Total-Count"]) == ([], "0")


@pytest.mark.parametrize("path", ["/clients/{}/orders?client_id={}", "/clients/{}/addresses?client_id={}"])
def test_parent_list_of_another_client_is_not_found(shop: Shop, path: str) -> None:
    key, own, other = key_headers(shop.app, shop.a["/clients"]), shop.a["/clients"], shop.b["/clients"]
    assert shop.http.get(path.format(other, own), headers=key).status_code == 404
    assert {one["client_id"] for one in shop.http.get(path.format(own, other), headers=key).json()} <= {own}
