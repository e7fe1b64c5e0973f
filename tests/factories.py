"""Factory of objects over HTTP, with defaults for the fields that a test does not set."""

import itertools
from typing import Any

from fastapi.testclient import TestClient

Object = dict[str, Any]

_numbers = itertools.count(1)


class Factory:
    def __init__(self, client: TestClient) -> None:
        self.client = client

    def category(self, **fields: Any) -> Object:
        return self.post("/categories", {"name": f"Category {next(_numbers)}"} | fields)

    def product(self, **fields: Any) -> Object:
        return self.post(
            "/products", self._with("category_id", self.category, fields, name="Laptop", price=999.99, stock=10)
        )

    def customer(self, **fields: Any) -> Object:
        return self.post(
            "/clients", {"name": "John", "lastname": "Doe", "email": f"john{next(_numbers)}@example.com"} | fields
        )

    def address(self, **fields: Any) -> Object:
        return self.post(
            "/addresses", self._with("client_id", self.customer, fields, street="Main Street", city="Springfield")
        )

    def bill(self, **fields: Any) -> Object:
        return self.post("/bills", {"total": 100, "payment_type": "card"} | fields)

    def order(self, **fields: Any) -> Object:
        with_client = self._with("client_id", self.customer, fields, total=100, delivery_method=3)
        return self.post("/orders", self._with("bill_id", self.bill, with_client))

    def order_detail(self, **fields: Any) -> Object:
        with_order = self._with("order_id", self.order, fields, quantity=2)
        return self.post("/order_details", self._with("product_id", self.product, with_order))

    def review(self, **fields: Any) -> Object:
        return self.post("/reviews", self._with("product_id", self.product, fields, rating=4.5))

    def post(self, path: str, body: Object) -> Object:
        response = self.client.post(path, json=body)
        assert response.status_code == 201, response.text
        made: Object = response.json()
        return made

    @staticmethod
    def _with(reference: str, make: Any, fields: Object, **defaults: Any) -> Object:
        """Add the defaults, and a reference to a new object unless the test gives one."""
        return defaults | fields | ({} if reference in fields else {reference: make()["id_key"]})
