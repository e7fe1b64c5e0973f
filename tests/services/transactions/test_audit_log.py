"""Audit log: one entry for each change, none for other requests, and never a change without its entry."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.postgres.database import Database
from tests.credentials import Headers, Issuer, bearer, execute, execute_as_owner, key_headers, new_key, service
from tests.database import as_owner
from tests.entities import Entity, every_entity
from tests.factories import Factory, Object

HIDE, SHOW = "ALTER TABLE audit RENAME TO hidden", "ALTER TABLE IF EXISTS hidden RENAME TO audit"


class AuditLog:
    """Audit log as an admin sees it; `send` uses the admin's key."""

    def __init__(self, http: TestClient, app: FastAPI) -> None:
        made = new_key(app)
        self.http, self.name, self.headers = http, made.name, {"X-API-Key": made.key}

    def send(self, method: str, path: str, body: Object | None = None, **headers: str) -> Any:
        return self.http.request(method, path, json=body, headers=self.headers | headers)

    def entries(self, query: str = "") -> list[Object]:
        answer = self.http.get(f"/audit{query}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: list[Object] = answer.json()
        return found

    def facts(self) -> list[tuple[str, str, int]]:
        return [(entry["method"], entry["path"], entry["status"]) for entry in self.entries()]


@pytest.fixture
def audit_log(guarded: TestClient, guarded_app: FastAPI) -> AuditLog:
    return AuditLog(guarded, guarded_app)


@every_entity
def test_each_change_has_an_entry(audit_log: AuditLog, make: Factory, entity: Entity) -> None:
    made = audit_log.send("POST", entity.path, entity.body(make), **{"X-Request-ID": "making"})
    where = made.headers["Location"]
    changed = audit_log.send("PATCH", f"{where}/", {})
    padded = where.replace(entity.path, f"{entity.path}/000").replace("000/", "000")
    assert audit_log.send("PUT", padded, {}).status_code == changed.status_code == 200
    assert audit_log.facts() == [("POST", entity.path, 201), ("PATCH", where, 200), ("PUT", where, 200)]
    assert audit_log.send("DELETE", where).status_code == 204
    gone = "/clients/-" if entity.path == "/clients" else where
    entries = audit_log.entries()
    assert audit_log.facts()[-1] == ("DELETE", gone, 204)
    assert {entry["principal"] for entry in entries} == {f"key:{audit_log.name}"}
    assert entries[0]["caller_request_id"] == made.headers["X-Request-ID"] == "making"
    assert entries[1]["request_id"] == changed.headers["X-Request-ID"]
    assert entries[1]["caller_request_id"] is None
    assert len({entry["request_id"] for entry in entries}) == len(entries)
    facts = ["id_key", "created_at", "principal", "request_id", "caller_request_id", "method", "path", "status"]
    assert list(entries[0]) == [*facts, "times"]


def test_checkout_has_one_entry(audit_log: AuditLog, make: Factory) -> None:
    items = [{"product_id": make.product()["id_key"], "quantity": 1}] * 3
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "items": items}
    assert audit_log.send("POST", "/orders/checkout", body).status_code == 201
    assert audit_log.facts() == [("POST", "/orders/checkout", 201)]


def test_entry_contains_the_subject_of_an_admin(audit_log: AuditLog, issuer: Issuer) -> None:
    subject = "ñ" * 200
    headers = bearer(issuer.token(sub=subject))
    assert audit_log.http.post("/categories", json={"name": "Toys"}, headers=headers).status_code == 201
    assert [entry["principal"] for entry in audit_log.entries()] == [f"jwt:{subject}"]


def test_refused_requests_have_no_entry_of_a_change(audit_log: AuditLog, guarded_app: FastAPI, make: Factory) -> None:
    category = make.category(name="Toys")
    product = make.product(category_id=category["id_key"], stock=1)
    where, order = f"/categories/{category['id_key']}", make.order()["id_key"]
    client: Headers = key_headers(guarded_app, make.customer()["id_key"])
    detail = {"order_id": order, "product_id": product["id_key"], "quantity": 2}
    refused = [
        audit_log.send("POST", "/order_details", detail),
        audit_log.send("POST", "/order_details", detail, **{"Idempotency-Key": "k"}),
        audit_log.http.post("/categories", json={"name": "x"}),
        audit_log.http.post("/categories", json={"name": "x"}, headers=client),
        audit_log.http.patch(f"/orders/{order}", json={}, headers=client),
        audit_log.send("POST", "/products", {"name": "x", "price": 1, "category_id": 2**63 - 1}),
        audit_log.send("POST", "/categories", {"name": "Toys"}),
        audit_log.send("POST", "/categories", {"name": "Toys"}, **{"Idempotency-Key": "other"}),
        audit_log.send("DELETE", where),
        audit_log.send("PUT", where, {"name": "Games"}, **{"If-Match": '"old"'}),
        audit_log.send("PUT", where, {"name": ""}),
        audit_log.send("PUT", "/categories", {}),
    ]
    assert [answer.status_code for answer in refused] == [400, 400, 401, 403, 404, 404, 409, 409, 409, 412, 422, 405]
    assert audit_log.entries() == []


def test_reads_have_no_entry(audit_log: AuditLog, make: Factory) -> None:
    for path in ("/products", "/orders", f"/products/{make.product()['id_key']}", "/audit", "/nothing"):
        audit_log.send("GET", path)
    assert audit_log.entries() == []


def test_replays_have_no_entry(audit_log: AuditLog) -> None:
    answers = [audit_log.send("POST", "/categories", {"name": "Toys"}, **{"Idempotency-Key": "k"}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert [entry["request_id"] for entry in audit_log.entries()] == [answers[0].headers["X-Request-ID"]]


@pytest.mark.parametrize("more", [{}, {"Idempotency-Key": "k"}], ids=["plain", "idempotent"])
def test_change_without_an_entry_is_rolled_back(
    audit_log: AuditLog, guarded_app: FastAPI, make: Factory, more: Headers
) -> None:
    product = make.product(stock=5)
    before = audit_log.http.get("/products").json()
    execute_as_owner(guarded_app, HIDE)
    where = f"/products/{product['id_key']}"
    changes = [
        audit_log.send("POST", "/products", {**product, "name": "Other"}, **more),
        audit_log.send("PATCH", where, {"stock": 9}, **more),
        audit_log.send("DELETE", where, None, **more),
    ]
    assert {answer.status_code for answer in changes} == {500}
    assert {answer.text for answer in changes} == {'{"detail":"Internal server error"}'}
    assert audit_log.http.get("/products").json() == before
    assert execute(guarded_app, "SELECT id_key FROM products") == [(product["id_key"],)]
    assert execute(guarded_app, "SELECT FROM idempotency_keys") == []


@pytest.fixture
def audited_client(committing_client: TestClient, committing: Database, settings: Settings) -> Iterator[TestClient]:
    """Yield a client without authentication and with real commits: a plain POST is a statement that commits itself."""
    with service(settings, audit_enabled=True) as http:
        yield http
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text(SHOW))


def test_change_without_an_entry_is_never_committed(audited_client: TestClient, committing: Database) -> None:
    assert audited_client.post("/categories", json={"name": "Toys"}).status_code == 201
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text(HIDE))
    assert audited_client.post("/categories", json={"name": "Games"}).status_code == 500
    assert [category["name"] for category in audited_client.get("/categories").json()] == ["Toys"]
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text(SHOW))
    [entry] = audited_client.get("/audit").json()
    assert (entry["principal"], entry["path"]) == ("", "/categories")


def test_a_count_that_agrees_with_the_stock_has_no_entry(audit_log: AuditLog) -> None:
    category = audit_log.send("POST", "/categories", {"name": "Toys"}).json()["id_key"]
    new = {"name": "Kite", "price": 1, "stock": 5, "category_id": category}
    path = f"/products/{audit_log.send('POST', '/products', new).json()['id_key']}/stock_movements"
    for key in ({}, {"Idempotency-Key": "count"}):
        assert audit_log.send("POST", path, {"reason": "counted", "stock": 5}, **key).status_code == 204
    assert audit_log.send("POST", path, {"reason": "counted", "stock": 4}).status_code == 201
    assert audit_log.facts() == [("POST", "/categories", 201), ("POST", "/products", 201), ("POST", path, 201)]


def test_audit_log_is_off_without_authentication(client: TestClient, make: Factory) -> None:
    make.category()
    assert client.get("/audit").json() == []


@pytest.fixture
def filled(audit_log: AuditLog, guarded_app: FastAPI, issuer: Issuer) -> AuditLog:
    """Add two entries of a key and then two of a token, one day apart, from 1 January 2026."""
    assert audit_log.send("POST", "/categories", {"name": "Toys"}).status_code == 201
    where = f"/categories/{audit_log.http.get('/categories').json()[0]['id_key']}"
    assert audit_log.send("PATCH", where, {"name": "Games"}).status_code == 200
    audit_log.headers = bearer(issuer.token())
    assert audit_log.send("PATCH", where, {"name": "Puzzles"}).status_code == 200
    assert audit_log.send("DELETE", where).status_code == 204
    noon = "timestamptz '2026-01-01 12:00Z' + interval '1 day' * (id_key - (SELECT min(id_key) FROM audit))"
    execute_as_owner(guarded_app, f"UPDATE audit SET created_at = {noon}")
    return audit_log


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("?principal=jwt:ada", [2, 3]),
        ("?principal=jwt:ad", []),
        ("?method=PATCH", [1, 2]),
        ("?path=/categories", [0]),
        ("?path=/categories&method=DELETE", []),
        ("?date_from=2026-01-03", [2, 3]),
        ("?date_to=2026-01-03", [0, 1, 2]),
        ("?date_from=2026-01-02T12:00:00Z&date_to=2026-01-03T12:00:00Z", [1, 2]),
        ("?sort=-id_key", [3, 2, 1, 0]),
        ("?limit=2", [0, 1]),
        ("?limit=2&skip=1&sort=-id_key", [2, 1]),
    ],
)
def test_audit_log_filters(filled: AuditLog, query: str, found: list[int]) -> None:
    every = filled.entries()
    assert len(every) == 4
    assert filled.entries(query) == [every[number] for number in found]


def test_audit_log_pages_by_key(filled: AuditLog) -> None:
    every = filled.entries()
    page = filled.http.get(f"/audit?after_id={every[0]['id_key']}&limit=2&count=true", headers=filled.headers)
    assert page.json() == every[1:3]
    assert page.headers["X-Total-Count"] == "4"
    assert f'</audit?limit=2&count=true&after_id={every[2]["id_key"]}>; rel="next"' in page.headers["Link"]
    assert page.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("query", ["sort=path", "method=OPTIONS", "date_from=yesterday", "principal=%00", "limit=0"])
def test_invalid_audit_query_is_refused(audit_log: AuditLog, query: str) -> None:
    assert audit_log.http.get(f"/audit?{query}", headers=audit_log.headers).status_code == 422


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_audit_log_is_read_only(filled: AuditLog, method: str) -> None:
    every = filled.entries()
    assert filled.send(method, "/audit", {}).status_code == 405
    assert filled.send(method, f"/audit/{every[0]['id_key']}", {}).status_code == 404
    assert filled.entries() == every
