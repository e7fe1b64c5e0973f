"""Deleting a client: stored responses about it are erased, whoever made the requests."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from infrastructure.postgres.database import Database
from infrastructure.postgres.transaction import AsyncTransaction
from repositories.system.idempotency_repository import _ERASE, CREATION
from tests.credentials import Headers, Issuer, bearer, execute, key_headers
from tests.factories import Factory, Object
from tests.servers import until

PERSON = {"name": "Grace", "lastname": "Hopper", "email": "grace@example.com", "telephone": "+15550001"}
STREET = "Secret Lane"


class Requests:
    """Requests with an `Idempotency-Key` of their own, for repeats."""

    def __init__(self, http: TestClient, name: str = "key") -> None:
        self.http, self.name = http, name
        self.made: list[tuple[str, Object, Headers]] = []

    def post(self, path: str, body: Object, headers: Headers) -> Any:
        sent = path, body, headers | {"Idempotency-Key": f"{self.name} {len(self.made)}"}
        self.made.append(sent)
        return self.send(*sent)

    def send(self, path: str, body: Object, headers: Headers) -> Any:
        return self.http.post(path, json=body, headers=headers)

    def repeat(self) -> list[Any]:
        return [self.send(*sent) for sent in self.made]


def stored(app: FastAPI) -> str:
    """Return all stored responses as text."""
    return str(execute(app, "SELECT idempotency_keys::text, encode(fingerprint, 'hex') FROM idempotency_keys"))


def test_deleted_client_is_in_no_stored_response(
    guarded: TestClient, guarded_app: FastAPI, make: Factory, issuer: Issuer
) -> None:
    admin, product = key_headers(guarded_app), make.product()["id_key"]
    about, others = Requests(guarded), Requests(guarded, "other")
    made = about.post("/clients", PERSON, admin)
    client_id = made.json()["id_key"]
    token = bearer(issuer.token(sub="grace", role="client", client_id=client_id))
    address = {"street": STREET, "city": "Springfield", "client_id": client_id}
    items = [{"product_id": product, "quantity": 1}]
    order = {"client_id": client_id, "delivery_method": 1, "payment_type": "cash", "items": items}
    answers = [
        about.post("/addresses", address, admin),
        about.post("/addresses", address, token),
        about.post("/orders/checkout", order, admin),
        about.post("/orders/checkout", order, token),
        about.post(
            "/orders",
            {"total": 1, "delivery_method": 1, "client_id": client_id, "bill_id": make.bill()["id_key"]},
            admin,
        ),
        about.post("/reviews", {"rating": 5, "product_id": product}, token),
        about.post("/reviews", {"rating": 5, "product_id": product}, token),
    ]
    assert [answer.status_code for answer in answers] == [201] * 6 + [409]
    kept = [
        others.post("/clients", {"name": "Ada", "lastname": "Lovelace", "email": "ada@example.com"}, admin),
        others.post("/bills", {"total": 1, "payment_type": "cash"}, admin),
    ]
    for answer in answers[2:5]:
        assert guarded.delete(answer.headers["Location"], headers=admin).status_code == 204
    before = len(guarded.get("/clients?limit=1000", headers=admin).json())
    assert guarded.delete(made.headers["Location"], headers=admin).status_code == 204

    left = stored(guarded_app)
    assert not [word for word in (*PERSON.values(), STREET, "jwt-client") if word in left]
    assert execute(
        guarded_app, "SELECT path, status, body, location FROM idempotency_keys WHERE client_id = :id", id=client_id
    ) == [("/clients", 0, "", None)]
    gone = (404, f'{{"message":"Client with id {client_id} not found"}}')
    assert {(answer.status_code, answer.text) for answer in about.repeat()} == {gone}
    path, _, headers = about.made[0]
    another_body = about.send(path, {**PERSON, "name": "Eve"}, headers)
    assert (another_body.status_code, another_body.text) == gone
    assert len(guarded.get("/clients?limit=1000", headers=admin).json()) == before - 1, "no repeat creates it again"
    assert [answer.status_code for answer in kept] == [201, 201]
    assert [answer.content for answer in others.repeat()] == [answer.content for answer in kept]


def test_expired_key_of_a_deleted_client_is_free(guarded: TestClient, guarded_app: FastAPI) -> None:
    admin, requests = key_headers(guarded_app), Requests(guarded)
    made = requests.post("/clients", PERSON, admin)
    guarded.delete(made.headers["Location"], headers=admin)
    assert requests.repeat()[0].status_code == 404
    execute(guarded_app, "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'")
    assert requests.repeat()[0].status_code == 201
    [first, second] = requests.repeat(), requests.repeat()
    assert first[0].content == second[0].content


def test_refused_deletion_erases_nothing(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    admin, requests = key_headers(guarded_app), Requests(guarded)
    made = requests.post("/clients", PERSON, admin)
    make.order(client_id=made.json()["id_key"])
    assert guarded.delete(made.headers["Location"], headers=admin).status_code == 409
    [repeat] = requests.repeat()
    assert (repeat.status_code, repeat.content) == (201, made.content)


def test_response_under_way_is_erased(
    committing_client: TestClient, committing: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delete the client while the request for an address has made it and not yet stored the response."""
    make = Factory(committing_client)
    client_id = make.customer()["id_key"]
    address = {"street": STREET, "city": "Springfield", "client_id": client_id}
    has_made, may_store = threading.Event(), threading.Event()
    commit = AsyncTransaction.commit

    async def late(self: AsyncTransaction, *arguments: Any) -> None:
        has_made.set()
        await asyncio.to_thread(may_store.wait, 30)
        await commit(self, *arguments)

    monkeypatch.setattr(AsyncTransaction, "commit", late)
    with ThreadPoolExecutor(2) as pool:
        posted = pool.submit(committing_client.post, "/addresses", json=address, headers={"Idempotency-Key": "k"})
        assert has_made.wait(30)
        deleted = pool.submit(committing_client.delete, f"/clients/{client_id}")
        until(lambda: waiting(committing))
        may_store.set()
        assert (posted.result().status_code, deleted.result().status_code) == (201, 204)
    with committing.engine.connect() as connection:
        assert connection.scalars(text("SELECT count(*) FROM idempotency_keys")).one() == 0
    repeat = committing_client.post("/addresses", json=address, headers={"Idempotency-Key": "k"})
    assert (repeat.status_code, repeat.json()) == (404, {"message": f"Client with id {client_id} not found"})


def waiting(database: Database) -> bool:
    with database.engine.connect() as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(connection.scalars(text(count)).one())


def test_erasing_reads_only_the_client_s_responses(committing: Database) -> None:
    with committing.engine.connect() as connection:
        connection.execute(text("""
                INSERT INTO idempotency_keys (caller, key, method, path, fingerprint, client_id)
                SELECT 'c', n, 'POST', '/addresses', '', nullif(n % 1000, 0) FROM generate_series(1, 20000) AS n
            """))
        connection.execute(text("ANALYZE idempotency_keys"))
        parameters = {"client_id": 5, "creation": CREATION}
        plan = connection.exec_driver_sql(f"EXPLAIN {_ERASE}", parameters).scalars().all()
        assert "Seq Scan" not in "\n".join(plan)
        assert "ix_idempotency_keys_client_id" in "\n".join(plan)
        connection.rollback()
