"""Small model of the shop: the expected status of each operation, and the expected state afterwards."""

from collections import Counter
from typing import Any

Object = dict[str, Any]
Lines = list[tuple[int, int]]

CLOSED, DELIVERED, CANCELED = (3, 4), 3, 4
FOLLOWS = {1: (1, 2, 3, 4), 2: (2, 3, 4), 3: (3,), 4: (4,)}


class ShopModel:
    """Products and details as the API shows them, by `id_key`; the status of each order; the units put in.

    A method returns the expected status of a request and applies its effect if that is a success. `enter_…` adds a
    created object afterwards, because the server chooses the `id_key`.
    """

    def __init__(self) -> None:
        self.products: dict[int, Object] = {}
        self.orders: dict[int, int] = {}
        self.details: dict[int, Object] = {}
        self.supplied: Counter[int] = Counter()

    def enter_product(self, product: Object) -> None:
        self.supplied[product["id_key"]] = product["stock"]
        self.products[product["id_key"]] = product

    def enter_order(self, order: Object) -> None:
        self.orders[order["id_key"]] = order["status"]

    def enter_detail(self, detail: Object) -> None:
        self.products[detail["product_id"]]["stock"] -= detail["quantity"]
        self.details[detail["id_key"]] = detail

    def change_product(self, id_key: int, changes: Object) -> int:
        if id_key not in self.products:
            return 404
        product = self.products[id_key]
        self.supplied[id_key] += changes.get("stock", product["stock"]) - product["stock"]
        product.update(changes)
        return 200

    def delete_product(self, id_key: int) -> int:
        if id_key not in self.products:
            return 404
        if any(detail["product_id"] == id_key for detail in self.details.values()):
            return 409
        del self.products[id_key]
        return 204

    def change_status(self, id_key: int, status: int) -> int:
        if id_key not in self.orders:
            return 404
        if status not in FOLLOWS[self.orders[id_key]]:
            return 409
        if status == CANCELED and self.orders[id_key] != CANCELED:
            self._put_back(id_key)
        self.orders[id_key] = status
        return 200

    def delete_order(self, id_key: int) -> int:
        if id_key not in self.orders:
            return 404
        if self.orders[id_key] == DELIVERED:
            for detail in self._details_of(id_key):
                self.supplied[detail["product_id"]] -= detail["quantity"]
        elif self.orders[id_key] != CANCELED:
            self._put_back(id_key)
        for detail in self._details_of(id_key):
            del self.details[detail["id_key"]]
        del self.orders[id_key]
        return 204

    def add_detail(self, body: Object) -> int:
        if refusal := self._refusal(body["order_id"]):
            return refusal
        product = self.products.get(body["product_id"])
        if product is None:
            return 404
        is_agreed = body.get("price", product["price"]) == product["price"]
        return 201 if is_agreed and body["quantity"] <= product["stock"] else 400

    def change_detail(self, id_key: int, changes: Object) -> int:
        if id_key not in self.details:
            return 404
        before = self.details[id_key]
        after = before | changes
        for order in sorted({before["order_id"], after["order_id"]}):
            if refusal := self._refusal(order):
                return refusal
        if after["product_id"] not in self.products:
            return 404
        old, new = self.products[before["product_id"]], self.products[after["product_id"]]
        if after["quantity"] > new["stock"] + before["quantity"] * (new is old):
            return 400
        old["stock"] += before["quantity"]
        new["stock"] -= after["quantity"]
        self.details[id_key] = after if new is old else after | {"price": new["price"]}
        return 200

    def delete_detail(self, id_key: int) -> int:
        if id_key not in self.details:
            return 404
        if refusal := self._refusal(self.details[id_key]["order_id"]):
            return refusal
        detail = self.details.pop(id_key)
        self.products[detail["product_id"]]["stock"] += detail["quantity"]
        return 204

    def check_out(self, lines: Lines, discount: float) -> tuple[int, float]:
        """Return the expected status and the total of the order."""
        if any(product not in self.products for product, _ in lines):
            return 404, 0
        wanted: Counter[int] = Counter()
        cents = -round(discount * 100)
        for product, quantity in lines:
            wanted[product] += quantity
            cents += round(self.products[product]["price"] * 100) * quantity
        is_short = any(self.products[product]["stock"] < quantity for product, quantity in wanted.items())
        return (400 if is_short or cents < 0 else 201), cents / 100

    def missing_units(self) -> list[int]:
        """Return for each product the units put in that are neither in stock nor in an order that is not canceled."""
        found = Counter({id_key: product["stock"] for id_key, product in self.products.items()})
        for detail in self.details.values():
            if self.orders[detail["order_id"]] != CANCELED:
                found[detail["product_id"]] += detail["quantity"]
        return [self.supplied[id_key] - found[id_key] for id_key in self.products]

    def _refusal(self, order: int) -> int | None:
        """Return the status that refuses changes of the order's details, or None."""
        if order not in self.orders:
            return 404
        return 409 if self.orders[order] in CLOSED else None

    def _details_of(self, order: int) -> list[Object]:
        return [detail for detail in self.details.values() if detail["order_id"] == order]

    def _put_back(self, order: int) -> None:
        for detail in self._details_of(order):
            self.products[detail["product_id"]]["stock"] += detail["quantity"]
