"""A shop with an order that takes payments, for tests of payments."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from services.payments.sweep import settle_due
from tests.database import TransactionalDatabase
from tests.factories import Factory, Object


class PaidShop:
    """Shop with one order of 100 that takes payments."""

    def __init__(self, client: TestClient, make: Factory, app: FastAPI) -> None:
        self.client, self.make, self.app = client, make, app
        product = make.product(price=50, stock=10)["id_key"]
        items = [{"product_id": product, "quantity": 2}]
        body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "card", "items": items}
        placed = make.post("/orders/checkout", body)
        self.order, self.bill = placed["order"]["id_key"], placed["bill"]["id_key"]
        self.product, [self.detail] = product, [detail["id_key"] for detail in placed["order_details"]]

    def send(self, path: str, status: int, body: Object | None = None, **headers: str) -> Object:
        response = self.client.post(path, json=body, headers=headers)
        assert response.status_code == status, response.text
        answer: Object = response.json()
        return answer

    def pay(self, status: int = 201, order: int | None = None, key: str | None = None, **body: Any) -> Object:
        headers = {"Idempotency-Key": key} if key else {}
        return self.send(f"/orders/{order or self.order}/payments", status, body, **headers)

    def change(self, payment: Object, kind: str, status: int = 200, **body: Any) -> Object:
        return self.send(f"/payments/{payment['id_key']}/{kind}", status, body)

    def read(self, payment: Object) -> Object:
        answer: Object = self.client.get(f"/payments/{payment['id_key']}").json()
        return answer

    def balance(self) -> tuple[float, ...]:
        balance = self.client.get(f"/orders/{self.order}/balance").json()
        assert balance["order_id"] == self.order
        return tuple(balance[name] for name in ("total", "captured", "refunded", "due"))

    def cancel(self) -> int:
        return self.client.patch(f"/orders/{self.order}", json={"status": 4}).status_code

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield the connection of the test's transaction, or one that commits."""
        database: Database = self.app.state.app_context.database
        if isinstance(database, TransactionalDatabase):
            yield database.connection
        else:
            with database.engine.begin() as connection:
                yield connection

    def execute(self, statement: str) -> None:
        with self.connection() as connection:
            connection.execute(text(statement))

    def expire(self) -> None:
        """Let all leases run out. Locks the payments in the order of their keys, as the service does."""
        open_ones = "SELECT id_key FROM payments WHERE settle_at IS NOT NULL ORDER BY id_key FOR NO KEY UPDATE"
        expired = "settle_at = clock_timestamp() - interval '1 s'"
        self.execute(f"UPDATE payments SET {expired} WHERE id_key IN ({open_ones}) AND settle_at IS NOT NULL")

    def sweep(self) -> None:
        """Let all leases run out, and settle what is open, one after another: a test has one connection."""
        self.expire()
        assert self.client.portal
        while self.client.portal.call(settle_due, self.app.state.app_context, 1):
            """The next one."""

    def agrees(self) -> bool:
        with self.connection() as connection:
            return disagreements(connection) == []
