"""Reviews of clients: one for each product."""

from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.credentials import Headers, Issuer, bearer, execute, key_headers
from tests.factories import Factory
from tests.scenarios.test_concurrency import run_concurrently, statuses

KEY = {"Idempotency-Key": "k"}


def review(http: TestClient, product_id: int, headers: Headers, **fields: Any) -> Any:
    return http.post("/reviews", json={"rating": 5, "product_id": product_id} | fields, headers=headers)


def reviewed(product_id: int) -> dict[str, str]:
    return {"detail": f"Product {product_id} is already reviewed"}


def author(app: FastAPI, id_key: int) -> int | None:
    [(client_id,)] = execute(app, "SELECT client_id FROM reviews WHERE id_key = :id_key", id_key=id_key)
    return client_id  # type: ignore[no-any-return] # a row of an unknown statement


@pytest.mark.parametrize("more", [{}, KEY], ids=["plain", "idempotent"])
def test_client_reviews_a_product_once(
    guarded: TestClient, guarded_app: FastAPI, make: Factory, issuer: Issuer, more: Headers
) -> None:
    product, other, client_id = make.product()["id_key"], make.product()["id_key"], make.customer()["id_key"]
    key, token = key_headers(guarded_app, client_id), bearer(issuer.token(role="client", client_id=client_id))
    first = review(guarded, product, key | more, client_id=client_id + 1)
    assert (first.status_code, list(first.json())) == (201, ["id_key", "rating", "comment", "product_id"])
    assert author(guarded_app, first.json()["id_key"]) == client_id
    for repeat in (review(guarded, product, token | more), review(guarded, product, token, rating=1)):
        assert (repeat.status_code, repeat.json()) == (409, reviewed(product))
    assert review(guarded, other, key).status_code == 201
    assert review(guarded, product, key_headers(guarded_app, make.customer()["id_key"]) | more).status_code == 201
    assert make.client.delete(first.headers["Location"]).status_code == 204
    assert review(guarded, product, token).status_code == 201


def test_admins_and_open_services_review_without_a_bound(
    guarded: TestClient, guarded_app: FastAPI, make: Factory
) -> None:
    product, admin = make.product()["id_key"], key_headers(guarded_app)
    made = [*(review(guarded, product, admin) for _ in range(2)), *(review(make.client, product, {}) for _ in range(2))]
    assert {answer.status_code for answer in made} == {201}
    assert {author(guarded_app, answer.json()["id_key"]) for answer in made} == {None}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_review_does_not_move_to_a_reviewed_product(
    guarded: TestClient, guarded_app: FastAPI, make: Factory, method: str
) -> None:
    first, second, client_id = make.product()["id_key"], make.product()["id_key"], make.customer()["id_key"]
    client, admin = key_headers(guarded_app, client_id), key_headers(guarded_app)
    [where, _] = [review(guarded, product, client).headers["Location"] for product in (first, second)]
    moved = guarded.request(method, where, json={"product_id": second}, headers=admin)
    assert (moved.status_code, moved.json()) == (409, reviewed(second))
    assert guarded.request(method, where, json={"product_id": first, "rating": 1}, headers=admin).status_code == 200
    to_free = guarded.request(method, where, json={"product_id": make.product()["id_key"]}, headers=admin)
    assert to_free.status_code == 200
    assert author(guarded_app, to_free.json()["id_key"]) == client_id


def test_clients_change_no_reviews(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    client = key_headers(guarded_app, make.customer()["id_key"])
    where = review(guarded, make.product()["id_key"], client).headers["Location"]
    for method, body in (("PUT", {"rating": 1}), ("PATCH", {"rating": 1}), ("DELETE", None)):
        assert guarded.request(method, where, json=body, headers=client).status_code == 403


def test_review_of_a_deleted_client_stays(
    guarded: TestClient, guarded_app: FastAPI, make: Factory, issuer: Issuer
) -> None:
    product, client_id = make.product()["id_key"], make.customer()["id_key"]
    token = bearer(issuer.token(role="client", client_id=client_id))
    made = review(guarded, product, token)
    assert make.client.delete(f"/clients/{client_id}").status_code == 204
    assert guarded.get(made.headers["Location"]).json() == made.json()
    assert author(guarded_app, made.json()["id_key"]) is None
    late = review(guarded, product, token)
    assert (late.status_code, late.json()) == (404, {"message": f"Client with id {client_id} not found"})


@pytest.mark.parametrize("more", [{}, KEY], ids=["plain", "idempotent"])
def test_concurrent_reviews_succeed_once(
    committing_client: TestClient,
    running_guarded_app: TestClient,
    guarded_app: FastAPI,
    more: Headers,
) -> None:
    make = Factory(committing_client)
    product, client_id = make.product()["id_key"], make.customer()["id_key"]
    keys = [key_headers(guarded_app, client_id) | more for _ in range(8)]
    answers = run_concurrently([partial(review, running_guarded_app, product, key) for key in keys])
    assert statuses(answers) == {201: 1, 409: 7}
    assert {answer.text for answer in answers if answer.status_code == 409} == {
        f'{{"detail":"{reviewed(product)["detail"]}"}}'
    }
    assert len(committing_client.get("/reviews").json()) == 1
