"""Export of a client: complete, from one snapshot, of any size, for the client itself and for admins."""

from typing import Any

import orjson
import psycopg2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from infrastructure.postgres.connection import AsyncConnection, Row
from infrastructure.postgres.database import Database
from infrastructure.postgres.transaction import AsyncTransaction
from repositories.bulk import client_export_repository
from schemas.bulk.client_export_schema import ClientExport
from services.bulk import client_snapshot, spooled_json
from services.rendering import etag_of
from tests.controllers.test_authorization import visible_parts
from tests.credentials import execute, key_headers, new_key
from tests.factories import Factory, Object

DELIVERED, CANCELED = 3, 4


def without_timestamps(item: Any) -> Any:
    """Return the objects as the API's other responses show them."""
    if isinstance(item, list):
        return [without_timestamps(part) for part in item]
    return {name: value for name, value in item.items() if name not in ("created_at", "updated_at")}


def without_updates(item: Object) -> Object:
    return {name: value for name, value in item.items() if name != "updated_at"}


def lines_of(details: list[Object]) -> list[Object]:
    return [{"order_detail_id": detail["id_key"], "quantity": detail["quantity"]} for detail in details]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client_snapshot, client_export_repository):
        monkeypatch.setattr(module, "PAGE", 2)


@pytest.mark.usefixtures("small_pages")
def test_export_contains_everything(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    client, other = make.customer(telephone="+12345678"), make.customer()
    client_id, product = client["id_key"], make.product(stock=1000)
    key, admin = new_key(guarded_app, client_id), key_headers(guarded_app)
    own = {"X-API-Key": key.key}
    addresses = [make.address(client_id=client_id) for _ in range(3)]
    make.address(client_id=other["id_key"])
    items = [{"product_id": product["id_key"], "quantity": 2}, {"product_id": product["id_key"], "quantity": 1}]
    checkout = {"client_id": client_id, "delivery_method": 1, "payment_type": "card", "items": items}
    checkout["address_id"] = addresses[0]["id_key"]
    placed = guarded.post("/orders/checkout", json=checkout, headers=own).json()
    plain = make.order(client_id=client_id)
    sharing = make.order(client_id=client_id, bill_id=plain["bill_id"])
    foreign = make.order(client_id=other["id_key"])
    make.order_detail(order_id=foreign["id_key"], product_id=product["id_key"])
    detail = make.order_detail(order_id=sharing["id_key"], product_id=product["id_key"])
    canceled = guarded.patch(f"/orders/{plain['id_key']}", json={"status": CANCELED}, headers=own).json()
    payment = make.post(f"/orders/{sharing['id_key']}/payments", {"amount": 10})
    written = {"rating": 4.5, "comment": "Ünique", "product_id": product["id_key"]}
    review = guarded.post("/reviews", json=written, headers=own).json()
    make.review(product_id=product["id_key"])
    changed = guarded.patch(f"/clients/{client_id}", json={"name": "Ada"}, headers=admin)

    shipping = f"/orders/{placed['order']['id_key']}"
    shipments = [make.post(f"{shipping}/shipments", {"lines": [line]}) for line in lines_of(placed["order_details"])]
    make.post(f"/shipments/{shipments[0]['id_key']}/events", {"status": "in_transit", "location": "Leipzig"})
    placed["order"]["status"] = 2
    tracking = guarded.get(f"{shipping}/tracking", headers=own).json()
    make.client.patch(f"/orders/{sharing['id_key']}", json={"status": DELIVERED})
    sharing["status"] = DELIVERED
    back = {"lines": [{"order_detail_id": detail["id_key"], "quantity": 1}], "reason": "Too small"}
    returned = guarded.post(f"/orders/{sharing['id_key']}/returns", json=back, headers=own).json()
    for step in ("approve", "receive", "refund"):
        assert make.client.post(f"/returns/{returned['id_key']}/{step}").status_code == 200
    [note] = make.client.get("/credit_notes").json()
    payment = make.client.get(f"/payments/{payment['id_key']}").json()

    answer = guarded.get(f"/clients/{client_id}/export", headers=own)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    ClientExport.model_validate(document)
    assert list(document) == ["client", "api_keys", "addresses", "orders", "reviews", "audit"]
    assert without_timestamps(document["client"]) == changed.json()
    assert document["client"]["created_at"] <= document["client"]["updated_at"]
    assert without_timestamps(document["addresses"]) == addresses
    assert without_timestamps(document["reviews"]) == [review]
    assert [one["name"] for one in document["api_keys"]] == [key.name]
    expected: list[tuple[Object, list[Object], list[tuple[int | None, int]]]] = [
        (placed["order"], placed["order_details"], [(None, 1), (1, 2)]),
        (canceled, [], [(None, 1), (1, CANCELED)]),
        (sharing, [detail], [(None, 1), (1, DELIVERED)]),
    ]
    assert len(document["orders"]) == len(expected)
    for order, (head, details, history) in zip(document["orders"], expected, strict=True):
        address, shipped, back = order.pop("shipping_address"), order.pop("shipments"), order.pop("returns")
        shown = [without_updates(one | {"credit_note": without_updates(one["credit_note"])}) for one in back]
        assert shown == [returned | {"status": "refunded", "credit_note": note}] * (head is sharing)
        bill, found, changes, paid = (order.pop(name) for name in ("bill", "order_details", "history", "payments"))
        assert [one["id_key"] for one in paid] == [payment["id_key"]] * (head is sharing)
        assert (without_timestamps(order), without_timestamps(found)) == (head, details)
        if head is placed["order"]:
            assert address.pop("created_at")
            assert address == {
                "address_id": addresses[0]["id_key"],
                **{name: addresses[0][name] for name in address if name != "address_id"},
            }
            assert [without_updates(one) for one in shipped] == tracking
        else:
            assert (address, shipped) == (None, [])
        assert without_timestamps(bill) == make.client.get(f"/bills/{head['bill_id']}").json()
        assert [(one["from_status"], one["to_status"]) for one in changes] == history
    assert [(one["method"], one["path"], one["status"]) for one in document["audit"]] == [
        ("POST", "/orders/checkout", 201),
        ("PATCH", f"/orders/{plain['id_key']}", 200),
        ("POST", "/reviews", 201),
        ("PATCH", f"/clients/{client_id}", 200),
        ("POST", f"/orders/{sharing['id_key']}/returns", 201),
    ]
    assert {name for one in document["audit"] for name in one} == {
        *("id_key", "created_at", "request_id", "method", "path", "status")
    }


def test_export_is_for_the_client_and_admins(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    client_id, other = make.customer()["id_key"], make.customer()["id_key"]
    own, admin, path = key_headers(guarded_app, client_id), key_headers(guarded_app), f"/clients/{client_id}/export"
    assert guarded.get(path).status_code == 401
    foreign = visible_parts(guarded.get(f"/clients/{other}/export", headers=own))
    make.client.delete(f"/clients/{other}")
    assert foreign == visible_parts(guarded.get(f"/clients/{other}/export", headers=own))
    assert foreign[0] == 404
    for id_key in (other, 0, -1, 2**63):
        missing = guarded.get(f"/clients/{id_key}/export", headers=admin)
        assert (missing.status_code, missing.json()) == (404, {"message": f"Client with id {id_key} not found"})
    first = guarded.get(path, headers=admin)
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-store")
    assert (first.headers["ETag"], first.headers["Content-Length"]) == (etag_of(first.content), str(len(first.content)))
    head = guarded.head(path, headers=admin)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
    unchanged = guarded.get(path, headers=admin | {"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


ORDERS = 10_000
# Checks of foreign keys must not keep plans from when the tables were empty: each row would read all rows before it.
MANY_ORDERS = f"""
    SET LOCAL enable_seqscan = off;
    DISCARD PLANS;
    INSERT INTO clients (id_key, name, lastname, email) OVERRIDING SYSTEM VALUE VALUES (1000000, 'a', 'b', 'a@b.co');
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) OVERRIDING SYSTEM VALUE
        SELECT 1000000 + n, 'B-' || n, '2026-01-01', 10, 'cash' FROM generate_series(1, {ORDERS}) AS n;
    INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id) OVERRIDING SYSTEM VALUE
        SELECT 1000000 + n, '2026-01-01Z', 10, 1, 1000000, 1000000 + n FROM generate_series(1, {ORDERS}) AS n;
    INSERT INTO order_details (quantity, price, order_id, product_id)
        SELECT 1, 10, 1000000 + n, :product FROM generate_series(1, {ORDERS}) AS n;
"""


def test_export_of_many_orders_is_spooled(client: TestClient, app: FastAPI, make: Factory) -> None:
    for statement in MANY_ORDERS.split(";")[:-1]:
        execute(app, statement, **({"product": make.product()["id_key"]} if ":product" in statement else {}))
    answer = client.get("/clients/1000000/export")
    orders = answer.json()["orders"]
    assert [order["id_key"] for order in orders] == list(range(1_000_001, 1_000_001 + ORDERS))
    assert all(
        order["bill"]["id_key"] == order["order_details"][0]["order_id"] == order["id_key"]
        and len(order["history"]) == 1
        for order in orders
    )
    assert len(answer.content) > spooled_json.MAX_BYTES_IN_MEMORY
    assert answer.headers["ETag"] == etag_of(answer.content)


CHANGES = """
    UPDATE clients SET name = 'new'; DELETE FROM addresses; UPDATE orders SET status = 4;
    UPDATE bills SET total = 1; DELETE FROM reviews; INSERT INTO audit (principal, request_id, method, path, status)
        SELECT '', '', 'PATCH', '/clients/' || id_key, 200 FROM clients;
"""


@pytest.mark.usefixtures("small_pages")
def test_export_is_one_snapshot(
    committing_client: TestClient, committing: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Change everything after the first statement of the export."""
    make = Factory(committing_client)
    client_id = make.customer()["id_key"]
    for _ in range(3):
        make.address(client_id=client_id)
        make.order(client_id=client_id)
    path = f"/clients/{client_id}/export"
    before = committing_client.get(path)
    run = AsyncTransaction.run

    async def run_and_change(self: AsyncTransaction, *arguments: Any) -> list[Row]:
        rows = await run(self, *arguments)
        with committing.engine.begin() as connection:
            connection.execute(text(CHANGES))
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(AsyncTransaction, "run", run_and_change)
        during = committing_client.get(path)
    after = committing_client.get(path)
    assert during.content == before.content
    assert (after.json()["client"]["name"], after.json()["addresses"]) == ("new", [])
    assert {order["status"] for order in after.json()["orders"]} == {CANCELED}


def test_lost_connection_is_a_503_and_leaves_nothing(
    committing_client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = Factory(committing_client).customer()["id_key"]
    fetch = AsyncConnection.fetch

    async def lose(self: AsyncConnection, sql: str, *others: Any) -> list[Row]:
        if "FROM orders" in sql:
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return await fetch(self, sql, *others)

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "fetch", lose)
        lost = [committing_client.get(f"/clients/{client_id}/export") for _ in range(2)]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in lost} == {(503, "1")}
    again = committing_client.get(f"/clients/{client_id}/export")
    assert orjson.loads(again.content)["client"]["id_key"] == client_id
    assert app.state.app_context.database.reads.usage()[0] == 0
