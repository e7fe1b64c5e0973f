"""Writes of a client on objects of another client that are locked: the same answer as for a missing one, at once.

Another answer, or a 503 after the timeout of locks, would reveal that the object exists.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from infrastructure.postgres.database import Database
from schemas.address_schema import AddressUpdate
from schemas.bill_schema import BillUpdate
from schemas.client_schema import ClientUpdate
from schemas.order_detail_schema import OrderDetailUpdate
from schemas.order_schema import OrderUpdate
from services.address_service import AddressService
from services.auth.principal import Principal, Role
from services.bill_service import BillService
from services.client_service import ClientService
from services.context.request_context import RequestContext
from services.exceptions import NotFoundError
from services.order_detail_service import OrderDetailService
from services.order_service import OrderService
from tests.credentials import Headers, key_headers
from tests.factories import Factory, Object

MISSING = 2**40
STALE = {"If-Match": '"stale"'}
KEY = {"Idempotency-Key": "k"}
ITEMS = [{"product_id": 1, "quantity": 1}]


class Write(NamedTuple):
    """A request about the object `{}` of `table`, which is in the path or in the field `reference` of the body."""

    table: str
    method: str
    path: str
    body: Object | None = None
    reference: str | None = None
    headers: Headers = {}  # never changed
    status: int = 404


WRITES = (
    Write("clients", "PATCH", "/clients/{}", {"name": "x"}),
    Write("clients", "PUT", "/clients/{}", {"name": "x"}, headers=STALE),
    Write("clients", "DELETE", "/clients/{}", status=403),
    Write("addresses", "PATCH", "/addresses/{}", {"city": "x"}),
    Write("addresses", "PUT", "/addresses/{}", {"city": "x"}, headers=STALE),
    Write("addresses", "DELETE", "/addresses/{}"),
    Write("addresses", "DELETE", "/addresses/{}", headers=STALE),
    Write("orders", "PATCH", "/orders/{}", {"status": 4}),
    Write("orders", "PUT", "/orders/{}", {"delivery_method": 1}, headers=STALE),
    Write("orders", "PATCH", "/orders/{}", {}),
    Write("orders", "PATCH", "/orders/{}", {"total": 1}),
    Write("orders", "DELETE", "/orders/{}", status=403),
    Write("order_details", "PATCH", "/order_details/{}", {"quantity": 1}, status=403),
    Write("bills", "PATCH", "/bills/{}", {"discount": 1}, status=403),
    Write("clients", "POST", "/addresses", {"street": "x", "city": "x"}, "client_id"),
    Write("clients", "POST", "/addresses", {"street": "x", "city": "x"}, "client_id", KEY),
    Write("clients", "PATCH", "/addresses/1", {}, "client_id"),
    Write("clients", "POST", "/orders/checkout", {"delivery_method": 1, "payment_type": "cash", "items": ITEMS}),
    Write("clients", "POST", "/orders", {"total": 1, "delivery_method": 1, "bill_id": 1}, "client_id", status=403),
    Write("orders", "POST", "/order_details", {"product_id": 1, "quantity": 1}, "order_id", status=403),
)


class Clients:
    """Client 1 with an address, and client 2 whose objects are all locked."""

    def __init__(self, make: Factory, guarded: TestClient, app: FastAPI) -> None:
        self.http, product = guarded, make.product(stock=100)["id_key"]
        self.own = make.customer()["id_key"]
        make.address(client_id=self.own)
        self.headers = key_headers(app, self.own)
        client = make.customer()["id_key"]
        body = {"client_id": client, "delivery_method": 1, "payment_type": "cash"}
        placed = make.post("/orders/checkout", {**body, "items": [{"product_id": product, "quantity": 1}]})
        self.foreign = {
            "clients": client,
            "addresses": make.address(client_id=client)["id_key"],
            "orders": placed["order"]["id_key"],
            "bills": placed["bill"]["id_key"],
            "order_details": placed["order_details"][0]["id_key"],
        }

    def send(self, write: Write, id_key: int) -> tuple[int, str]:
        """Send the request about this object, and return the answer without the key."""
        reference = {} if "{}" in write.path else {write.reference or "client_id": id_key}
        headers = self.headers | write.headers
        headers |= {"Idempotency-Key": f"{id_key}"} if "Idempotency-Key" in headers else {}
        body = None if write.body is None else write.body | reference
        answer = self.http.request(write.method, write.path.format(id_key), json=body, headers=headers)
        return answer.status_code, answer.text.replace(f" {id_key} ", " ID ")


@pytest.fixture
def clients(
    committing_client: TestClient, committing: Database, running_guarded_app: TestClient, guarded_app: FastAPI
) -> Iterator[Clients]:
    clients = Clients(Factory(committing_client), running_guarded_app, guarded_app)
    with committing.engine.begin() as connection:
        for table, id_key in clients.foreign.items():
            connection.execute(text(f"SELECT FROM {table} WHERE id_key = {id_key} FOR UPDATE"))
        yield clients


def test_locked_object_of_another_client_looks_like_a_missing_one(clients: Clients) -> None:
    for write in WRITES:
        foreign = clients.send(write, clients.foreign[write.table])
        assert foreign == clients.send(write, MISSING), write
        assert foreign[0] == write.status, write


def test_services_take_no_lock_of_another_client(clients: Clients, guarded_app: FastAPI) -> None:
    """Also those whose routes are for admins only: the lock, not the route, keeps the rule."""
    context = RequestContext(Principal(Role.CLIENT, "key:x", clients.own))
    services: tuple[tuple[str, Any, Any], ...] = (
        ("clients", ClientService, ClientUpdate(name="x")),
        ("addresses", AddressService, AddressUpdate(city="x")),
        ("orders", OrderService, OrderUpdate(status=4)),
        ("order_details", OrderDetailService, OrderDetailUpdate(quantity=2)),
        ("bills", BillService, BillUpdate(discount=1)),
    )
    portal = clients.http.portal
    assert portal
    for table, service, changes in services:
        use_cases = service(guarded_app.state.app_context)
        for id_key in (clients.foreign[table], MISSING):
            with pytest.raises(NotFoundError, match=f"with id {id_key} not found"):
                portal.call(use_cases.update, context, id_key, changes)
            with pytest.raises(NotFoundError, match=f"with id {id_key} not found"):
                portal.call(use_cases.delete, context, id_key)
