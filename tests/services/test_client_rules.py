"""Rules for clients: allowed changes, responses shared or stored for several callers, and rate limits."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from infrastructure.postgres.database import Database
from tests.credentials import UNKNOWN, Headers, Issuer, bearer, key_headers, service
from tests.factories import Factory, Object

CANCELED, DELIVERED, IN_PROGRESS = 4, 3, 2


class Caller:
    """Client with an order and an API key."""

    def __init__(self, http: TestClient, app: FastAPI, make: Factory) -> None:
        self.http = http
        self.product = make.product(stock=10, price=5)
        self.client_id = make.customer()["id_key"]
        self.order = make.order(client_id=self.client_id)
        make.order_detail(order_id=self.order["id_key"], product_id=self.product["id_key"], quantity=3)
        self.headers = key_headers(app, self.client_id)

    def __call__(self, method: str, path: str, body: Object | None = None, **headers: str) -> Any:
        return self.http.request(method, path, json=body, headers=self.headers | headers)

    def change_order(self, body: Object, method: str = "PATCH") -> Any:
        return self(method, f"/orders/{self.order['id_key']}", body)

    def checkout(self, **changed: Any) -> Any:
        items = [{"product_id": self.product["id_key"], "quantity": 2}]
        body = {"client_id": self.client_id, "delivery_method": 1, "payment_type": "cash", "items": items}
        return self("POST", "/orders/checkout", body | changed)

    def stock(self) -> int:
        return int(self("GET", f"/products/{self.product['id_key']}").json()["stock"])


@pytest.fixture
def caller(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> Caller:
    return Caller(guarded, guarded_app, make)


def test_client_cancel_restores_the_stock(caller: Caller) -> None:
    assert caller.stock() == 7
    answer = caller.change_order({"status": CANCELED})
    assert (answer.status_code, answer.json()["status"]) == (200, CANCELED)
    assert caller.stock() == 10


def test_client_may_change_the_delivery_method(caller: Caller) -> None:
    answer = caller.change_order({"delivery_method": 1})
    assert (answer.status_code, answer.json()["delivery_method"]) == (200, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": DELIVERED}, "Only an admin may set this status"),
        ({"status": IN_PROGRESS}, "Only an admin may set this status"),
        ({"total": 0.01}, "Only an admin may set: total"),
        ({"total": 0.01, "date": "2026-01-01T00:00:00Z", "status": CANCELED}, "Only an admin may set: date, total"),
        ({"client_id": 0}, "Only an admin may set: client_id"),
        ({"bill_id": 0}, "Only an admin may set: bill_id"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_client_may_not_change_other_order_fields(caller: Caller, method: str, changes: Object, message: str) -> None:
    answer = caller.change_order(changes, method)
    assert (answer.status_code, answer.json()) == (403, {"detail": message})
    assert caller("GET", f"/orders/{caller.order['id_key']}").json() == caller.order
    assert caller.stock() == 7


def test_client_may_send_unchanged_fields(caller: Caller) -> None:
    answer = caller.change_order({**caller.order, "delivery_method": 2}, "PUT")
    assert (answer.status_code, answer.json()) == (200, {**caller.order, "delivery_method": 2})


def test_client_checks_out_only_for_itself(caller: Caller, make: Factory) -> None:
    placed = caller.checkout(discount=0)
    assert (placed.status_code, placed.json()["order"]["client_id"]) == (201, caller.client_id)
    assert placed.json()["bill"]["total"] == 10
    for path in (placed.headers["Location"], f"/bills/{placed.json()['bill']['id_key']}"):
        assert caller("GET", path).status_code == 200
    other = make.customer()["id_key"]
    for client_id in (other, 2**63 - 1):
        refused = caller.checkout(client_id=client_id)
        assert (refused.status_code, refused.json()) == (404, {"message": f"Client with id {client_id} not found"})
    assert caller.stock() == 5


def test_client_may_not_set_a_discount(caller: Caller, make: Factory) -> None:
    answer = caller.checkout(discount=0.01)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Only an admin may set: discount"})
    assert caller.stock() == 7


def test_client_writes_only_its_own_addresses(caller: Caller, make: Factory) -> None:
    body = {"street": "Main Street", "city": "Springfield"}
    made = caller("POST", "/addresses", {**body, "client_id": caller.client_id})
    assert made.status_code == 201
    for client_id in (make.customer()["id_key"], 2**63 - 1):
        for answer in (
            caller("POST", "/addresses", {**body, "client_id": client_id}),
            caller("PATCH", made.headers["Location"], {"client_id": client_id}),
        ):
            assert (answer.status_code, answer.json()) == (404, {"message": f"Client with id {client_id} not found"})
    assert caller("GET", made.headers["Location"]).json() == made.json()
    assert [one["client_id"] for one in caller("GET", "/addresses").json()] == [caller.client_id]


def test_client_may_not_take_over_an_address(caller: Caller, make: Factory) -> None:
    address = make.address()
    answer = caller("PATCH", f"/addresses/{address['id_key']}", {"client_id": caller.client_id})
    assert answer.status_code == 404
    assert make.client.get(f"/addresses/{address['id_key']}").json() == address


def test_token_of_a_deleted_client_sees_nothing(caller: Caller, issuer: Issuer, make: Factory) -> None:
    gone = make.customer()["id_key"]
    make.client.delete(f"/clients/{gone}")
    caller.headers, caller.client_id = bearer(issuer.token(role="client", client_id=gone)), gone
    assert caller("GET", "/orders").json() == []
    assert caller("GET", f"/clients/{gone}").status_code == 404
    assert caller.checkout().json() == {"message": f"Client with id {gone} not found"}


def test_idempotency_keys_are_separate_for_each_caller(
    caller: Caller, guarded_app: FastAPI, issuer: Issuer, make: Factory
) -> None:
    address = {"street": "Main Street", "city": "Springfield", "client_id": caller.client_id}
    callers: list[Headers] = [
        caller.headers,
        key_headers(guarded_app, caller.client_id),
        key_headers(guarded_app),
        bearer(issuer.token(role="client", client_id=caller.client_id)),
        bearer(issuer.token()),
        bearer(issuer.token(sub="eve")),
        bearer(issuer.token(role="client", client_id=make.customer()["id_key"])),
    ]
    first, repeats = (
        [caller.http.post("/addresses", json=address, headers=one | {"Idempotency-Key": "k"}) for one in callers]
        for _ in range(2)
    )
    assert [answer.status_code for answer in first] == [201] * 6 + [404]
    assert len({answer.json()["id_key"] for answer in first[:-1]}) == len(callers) - 1
    assert [answer.content for answer in repeats] == [answer.content for answer in first]
    assert {answer.headers["Idempotency-Replayed"] for answer in repeats} == {"true"}


def test_forbidden_response_is_not_stored(caller: Caller) -> None:
    key = {"Idempotency-Key": "k"}
    items = [{"product_id": caller.product["id_key"], "quantity": 1}]
    body = {"client_id": caller.client_id, "delivery_method": 1, "payment_type": "cash", "items": items}
    assert caller("POST", "/orders/checkout", {**body, "discount": 1}, **key).status_code == 403
    assert caller("POST", "/orders/checkout", body, **key).status_code == 201


@pytest.mark.parametrize("path", ["/products", "/categories", "/products/{}", "/products?sort=-price"])
def test_cache_hits_require_valid_or_no_credentials(caller: Caller, path: str) -> None:
    path = path.format(caller.product["id_key"])
    first, hit = (caller.http.get(path, headers=headers) for headers in ({}, caller.headers))
    assert (hit.headers["X-Cache-Hit"], hit.content) == ("true", first.content)
    assert hit.headers["Cache-Control"] == first.headers["Cache-Control"] == "public, no-cache"
    for more in ({}, {"If-None-Match": hit.headers["ETag"]}):
        refused = caller.http.get(path, headers=UNKNOWN | more)
        assert (refused.status_code, "X-Cache-Hit" in refused.headers) == (401, False)
        assert refused.headers["Cache-Control"] == "no-store"
    assert caller.http.get(path, headers={"If-None-Match": hit.headers["ETag"]}).status_code == 304


LIMIT = 6


@pytest.fixture
def limited(client: TestClient, app: FastAPI, settings: Settings) -> Iterator[TestClient]:
    """Yield a client of a service that requires keys, admits a few requests, and trusts the proxy."""
    database: Database = app.state.app_context.database
    limits: dict[str, Any] = {"rate_limit_enabled": True, "rate_limit_calls": LIMIT, "auth_mode": "api_key"}
    with service(settings, database, **limits) as http:
        yield http


def statuses(http: TestClient, headers: Headers, *addresses: str) -> list[int]:
    """Return the status of one request from each address."""
    return [http.get("/reviews", headers=headers | {"X-Forwarded-For": address}).status_code for address in addresses]


def test_bad_credentials_count_twice(limited: TestClient) -> None:
    assert statuses(limited, {}, *["1.1.1.1"] * 7) == [200] * LIMIT + [429]
    assert statuses(limited, UNKNOWN, *["1.1.1.2"] * 4) == [401] * (LIMIT // 2) + [429]
    assert statuses(limited, {}, "1.1.1.2") == [429]


def test_requests_of_a_key_are_counted_across_addresses(limited: TestClient, app: FastAPI) -> None:
    key, other = key_headers(app), key_headers(app)
    addresses = [f"1.1.2.{number}" for number in range(LIMIT + 1)]
    assert statuses(limited, key, *addresses) == [200] * LIMIT + [429]
    assert statuses(limited, other, *addresses) == [200] * LIMIT + [429]
    assert statuses(limited, {}, *addresses) == [200] * (LIMIT + 1)


def test_keys_do_not_raise_the_limit_of_an_address(limited: TestClient, app: FastAPI) -> None:
    keys = [key_headers(app) for _ in range(LIMIT + 1)]
    assert [statuses(limited, key, "1.1.3.1")[0] for key in keys] == [200] * LIMIT + [429]


def test_remaining_requests_are_those_of_the_caller(limited: TestClient, app: FastAPI) -> None:
    key = key_headers(app)
    left = [
        limited.get("/products", headers=key | {"X-Forwarded-For": f"1.1.4.{number}"}).headers["X-RateLimit-Remaining"]
        for number in range(3)
    ]
    assert left == ["5", "4", "3"]
    anonymous = limited.get("/products", headers={"X-Forwarded-For": "1.1.4.0"})
    assert anonymous.headers["X-RateLimit-Remaining"] == "4"


def test_health_checks_ignore_credentials(limited: TestClient) -> None:
    answers = [limited.get("/health_check/live", headers=UNKNOWN) for _ in range(LIMIT + 1)]
    assert {answer.status_code for answer in answers} == {200}
