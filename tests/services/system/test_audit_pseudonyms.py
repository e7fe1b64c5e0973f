"""Pseudonyms in the audit log: readable while the client exists, meaningless afterwards."""

import asyncio
import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from services.transactions.audit_upkeep import write_refusals
from tests.credentials import Headers, Issuer, bearer, execute, key_headers, new_key, service
from tests.factories import Factory, Object
from tests.services.transactions.test_audit_log import AuditLog


@pytest.fixture
def audit_log(guarded: TestClient, guarded_app: FastAPI) -> AuditLog:
    return AuditLog(guarded, guarded_app)


class Customer:
    """Client that changes its own data with a key and with a token."""

    def __init__(self, http: TestClient, app: FastAPI, make: Factory, issuer: Issuer) -> None:
        self.http, self.id_key = http, make.customer()["id_key"]
        self.key: Headers = key_headers(app, self.id_key)
        self.token = bearer(issuer.token(sub=f"sub-{self.id_key}", role="client", client_id=self.id_key))
        self.changes: list[tuple[str, str, str, int]] = []

    def send(self, method: str, path: str, body: Object | None, credentials: Headers, template: str = "") -> Object:
        response = self.http.request(method, path, json=body, headers=credentials)
        assert response.is_success, response.text
        self.changes.append((f"client:{self.id_key}", method, template or path, response.status_code))
        answered: Object = response.json() if response.content else {}
        return answered

    def change_everything(self) -> list[tuple[str, str, str, int]]:
        """Create, change and delete an address, with a spelling of the ids that is not canonical, and its own row."""
        body = {"street": "Main Street", "city": "Springfield", "client_id": self.id_key}
        address = self.send("POST", "/addresses", body, self.key)["id_key"]
        where = f"/addresses/{address}"
        self.send("PATCH", f"/addresses/000{address}", {"city": "Shelbyville"}, self.token, where)
        self.send("PATCH", f"/clients/000{self.id_key}", {"name": "Ada"}, self.token, f"/clients/{self.id_key}")
        self.send("DELETE", where, None, self.key)
        return self.changes


@pytest.fixture
def customer(guarded: TestClient, guarded_app: FastAPI, make: Factory, issuer: Issuer) -> Customer:
    return Customer(guarded, guarded_app, make, issuer)


def facts(entries: list[Object]) -> list[tuple[str, str, str, int]]:
    return [(entry["principal"], entry["method"], entry["path"], entry["status"]) for entry in entries]


def stored(app: FastAPI) -> str:
    return json.dumps([list(row) for row in execute(app, "SELECT principal, request_id, path FROM audit")])


def test_the_log_is_readable_while_the_client_exists(
    audit_log: AuditLog, customer: Customer, guarded_app: FastAPI, make: Factory
) -> None:
    changes = customer.change_everything()
    other = make.customer()["id_key"]
    audit_log.send("PATCH", f"/clients/{other}", {})
    assert facts(audit_log.entries()) == [*changes, (f"key:{audit_log.name}", "PATCH", f"/clients/{other}", 200)]
    assert facts(audit_log.entries(f"?principal=client:{customer.id_key}&count=true")) == changes
    assert facts(audit_log.entries(f"?path=/clients/{customer.id_key}")) == [changes[2]]
    assert audit_log.entries(f"?principal=client:{other}") == audit_log.entries("?path=/clients/999999") == []
    texts = stored(guarded_app)
    for own in (
        f'"client:{customer.id_key}"',
        f'"/clients/{customer.id_key}"',
        "sub-",
        *(f'"{c[2]}"' for c in changes[1:]),
    ):
        assert own not in texts


def test_equal_ids_have_different_pseudonyms(audit_log: AuditLog, customer: Customer, guarded_app: FastAPI) -> None:
    customer.change_everything()
    paths = execute(guarded_app, "SELECT path FROM audit WHERE path ~ '^/addresses/[0-9a-f]{16}$'")
    assert len(set(paths)) == len(paths) == 2


def test_nothing_links_the_entries_to_a_deleted_client(
    audit_log: AuditLog, customer: Customer, guarded_app: FastAPI
) -> None:
    customer.change_everything()
    before = stored(guarded_app)
    assert audit_log.send("DELETE", f"/clients/{customer.id_key}").status_code == 204
    assert execute(guarded_app, "SELECT FROM audit_keys") == []
    entries = audit_log.entries()
    assert facts(entries)[-1] == (f"key:{audit_log.name}", "DELETE", "/clients/-", 204)
    assert [entry["path"] == "/addresses" for entry in entries[:4]] == [True, False, False, False]
    assert stored(guarded_app).startswith(before.removesuffix("]"))
    assert {entry["principal"] for entry in entries[:4]} == {entries[0]["principal"]}
    assert entries[0]["principal"].removeprefix("client:") == entries[2]["path"].removeprefix("/clients/")
    assert audit_log.entries(f"?principal=client:{customer.id_key}") == []


def test_a_token_of_a_client_that_never_existed(audit_log: AuditLog, guarded_app: FastAPI, issuer: Issuer) -> None:
    """Expect a refusal to name no client: there is no key for a pseudonym."""
    token = bearer(issuer.token(role="client", client_id=10**12))
    assert audit_log.http.post("/products", json={}, headers=token).status_code == 403
    asyncio.run(write_refusals(guarded_app.state.app_context))
    assert facts(audit_log.entries()) == [("client:-", "POST", "/products", 403)]


def test_entries_in_prepared_statements(settings: Settings, committing_client: TestClient, issuer: Issuer) -> None:
    """Create on the real pool, which prepares statements: plain, and with an idempotency key."""
    client_id = Factory(committing_client).customer()["id_key"]
    token = bearer(issuer.token(role="client", client_id=client_id))
    body = {"street": "Main Street", "city": "Springfield", "client_id": client_id}
    keys: list[Headers] = [{}, {}, {"Idempotency-Key": "k"}]
    with service(settings, auth_mode="jwt", **issuer.settings()) as http:
        answers = [http.post("/addresses", json=body, headers=token | key) for key in keys]
        assert [answer.status_code for answer in answers] == [201] * 3
        entries = http.get("/audit", headers=bearer(issuer.token())).json()
    assert facts(entries) == [(f"client:{client_id}", "POST", "/addresses", 201)] * 3


def test_keys_are_made_with_the_first_entry(audit_log: AuditLog, customer: Customer, guarded_app: FastAPI) -> None:
    new_key(guarded_app, customer.id_key)
    audit_log.send("POST", "/categories", {"name": "Toys"})
    assert execute(guarded_app, "SELECT FROM audit_keys") == []
    customer.change_everything()
    assert execute(guarded_app, "SELECT client_id, length(key) FROM audit_keys") == [(customer.id_key, 32)]
