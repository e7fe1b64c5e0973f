"""Bills belong to one client: that of the first order that references them."""

from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from infrastructure.postgres.database import Database
from tests.factories import Factory, Object
from tests.scenarios.test_concurrency import assert_consistent, run_concurrently, statuses

OTHER_CLIENT = {"detail": "The bill belongs to another client"}
CHECKOUT = {"detail": "The bill of a checkout takes no second order"}


def check_out(make: Factory, client_id: int) -> Object:
    items = [{"product_id": make.product()["id_key"], "quantity": 1}]
    body = {"client_id": client_id, "delivery_method": 1, "payment_type": "cash", "items": items}
    return make.post("/orders/checkout", body)


def order_body(client_id: int, bill_id: int) -> Object:
    return {"total": 1, "delivery_method": 1, "client_id": client_id, "bill_id": bill_id}


def test_order_with_the_bill_of_another_client_is_refused(client: TestClient, make: Factory) -> None:
    order, other = make.order(), make.customer()["id_key"]
    body = order_body(other, order["bill_id"])
    for headers in ({}, {"Idempotency-Key": "order"}, {"Idempotency-Key": "order"}):
        refused = client.post("/orders", json=body, headers=headers)
        assert (refused.status_code, refused.json()) == (409, OTHER_CLIENT)
    assert client.get("/orders").json() == [order]
    assert client.post("/orders", json=body | {"client_id": order["client_id"]}).status_code == 201


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_order_cannot_change_to_the_bill_of_another_client(client: TestClient, make: Factory, method: str) -> None:
    order, other = make.order(), make.order()
    for changes in ({"bill_id": order["bill_id"]}, {**other, "bill_id": order["bill_id"]}):
        refused = client.request(method, f"/orders/{other['id_key']}", json=changes)
        assert (refused.status_code, refused.json()) == (409, OTHER_CLIENT)
    assert client.get("/orders").json() == [order, other]
    both = {"bill_id": order["bill_id"], "client_id": order["client_id"]}
    assert client.request(method, f"/orders/{other['id_key']}", json=both).json() == other | both


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_orders_of_one_bill_keep_their_client(client: TestClient, make: Factory, method: str) -> None:
    first, other = make.order(), make.customer()["id_key"]
    second = make.order(client_id=first["client_id"], bill_id=first["bill_id"])
    for order in (first, second):
        refused = client.request(method, f"/orders/{order['id_key']}", json={"client_id": other})
        assert (refused.status_code, refused.json()) == (409, OTHER_CLIENT)
    assert client.get("/orders").json() == [first, second]
    assert client.delete(f"/orders/{first['id_key']}").status_code == 204
    alone = client.request(method, f"/orders/{second['id_key']}", json={"client_id": other})
    assert (alone.status_code, alone.json()) == (200, second | {"client_id": other})
    assert client.post("/orders", json=order_body(first["client_id"], first["bill_id"])).json() == OTHER_CLIENT


def test_bill_of_a_checkout_takes_no_second_order(client: TestClient, make: Factory) -> None:
    customer = make.customer()["id_key"]
    placed, plain = check_out(make, customer)["order"], make.order(client_id=customer)
    refused = client.post("/orders", json=order_body(customer, placed["bill_id"]))
    assert (refused.status_code, refused.json()) == (409, CHECKOUT)
    refused = client.patch(f"/orders/{plain['id_key']}", json={"bill_id": placed["bill_id"]})
    assert (refused.status_code, refused.json()) == (409, CHECKOUT)
    assert client.get("/orders").json() == [placed, plain]


def test_checkout_order_keeps_its_bill(client: TestClient, make: Factory) -> None:
    customer = make.customer()["id_key"]
    placed = check_out(make, customer)["order"]
    refused = client.patch(f"/orders/{placed['id_key']}", json={"bill_id": make.bill()["id_key"]})
    assert (refused.status_code, list(refused.json())) == (409, ["detail"])
    moved = client.patch(f"/orders/{placed['id_key']}", json={"client_id": make.customer()["id_key"]})
    assert moved.status_code == 200
    assert client.delete(f"/bills/{placed['bill_id']}").status_code == 409


def test_missing_references_are_reported_first(client: TestClient, make: Factory) -> None:
    order = make.order()
    for id_key in (999_999, 2**70):
        missing = client.post("/orders", json=order_body(id_key, order["bill_id"]))
        assert (missing.status_code, missing.json()) == (404, {"message": f"Client with id {id_key} not found"})


@pytest.fixture
def shop(committing_client: TestClient) -> Factory:
    return Factory(committing_client)


def owners(shop: Factory, bill: int) -> set[int]:
    return {order["client_id"] for order in shop.client.get(f"/orders?bill_id={bill}").json()}


def test_concurrent_orders_of_different_clients_share_no_bill(shop: Factory, committing: Database) -> None:
    clients = [shop.customer()["id_key"] for _ in range(8)]
    for _ in range(3):
        bill = shop.bill()["id_key"]
        post: Any = partial(shop.client.post, "/orders")
        answers = run_concurrently([partial(post, json=order_body(client, bill)) for client in clients * 2])
        assert statuses(answers) == {201: 2, 409: 14}
        assert len(owners(shop, bill)) == 1
    assert_consistent(committing)


def test_concurrent_changes_of_clients_and_bills_share_no_bill(shop: Factory, committing: Database) -> None:
    """Move orders of two clients to one bill, and change the clients of orders that share a bill."""
    clients = [shop.customer()["id_key"] for _ in range(2)]
    for _ in range(3):
        bill = shop.bill()["id_key"]
        orders = [shop.order(client_id=clients[number % 2])["id_key"] for number in range(8)]
        moves = [partial(shop.client.patch, f"/orders/{order}", json={"bill_id": bill}) for order in orders]
        assert statuses(run_concurrently(moves)) == {200: 4, 409: 4}
        [owner] = owners(shop, bill)
        sharing = [order["id_key"] for order in shop.client.get(f"/orders?bill_id={bill}").json()]
        other = {"client_id": sum(clients) - owner}
        changes = [partial(shop.client.patch, f"/orders/{order}", json=other) for order in sharing * 2]
        assert statuses(run_concurrently(changes)) == {409: 8}
        assert owners(shop, bill) == {owner}
    assert_consistent(committing)
