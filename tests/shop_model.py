"""Small model of the shop: the expected status of each operation, and the expected state afterwards."""

from collections import Counter
from typing import Any

Object = dict[str, Any]
Lines = list[tuple[int, int]]
Movement = tuple[int, int, str, int | None]
"""Quantity, stock afterwards, reason, and the order detail."""

CLOSED, CANCELED = (3, 4), 4
FOLLOWS = {1: (1, 2, 3, 4), 2: (2, 3, 4), 3: (3,), 4: (4,)}


class ShopModel:
    """Products, bills, orders and details as the API shows them, by `id_key`; keys of checkout orders; the ledger.

    A method returns the expected status of a request and applies its effect if that is a success. `enter_…` adds a
    created object afterwards, because the server chooses the `id_key`.
    """

    def __init__(self) -> None:
        self.products: dict[int, Object] = {}
        self.bills: dict[int, Object] = {}
        self.orders: dict[int, Object] = {}
        self.details: dict[int, Object] = {}
        self.checkouts: set[int] = set()
        self.ledger: dict[int, list[Movement]] = {}

    def enter_product(self, product: Object) -> None:
        self.products[product["id_key"]] = product | {"stock": 0}
        self.ledger[product["id_key"]] = []
        self._move(product["id_key"], product["stock"], "initial")

    def enter_bill(self, bill: Object) -> None:
        self.bills[bill["id_key"]] = bill

    def enter_order(self, order: Object) -> None:
        self.orders[order["id_key"]] = order

    def enter_checkout(self, placed: Object) -> None:
        self.enter_bill(placed["bill"])
        self.enter_order(placed["order"])
        for detail in placed["order_details"]:
            self.enter_detail(detail)
        self.checkouts.add(placed["order"]["id_key"])

    def enter_detail(self, detail: Object) -> None:
        self._move(detail["product_id"], -detail["quantity"], "sold", detail["id_key"])
        self.details[detail["id_key"]] = detail
        self._add_up(detail["order_id"])

    def change_product(self, id_key: int, changes: Object) -> int:
        if id_key not in self.products:
            return 404
        product = self.products[id_key]
        self._move(id_key, changes.get("stock", product["stock"]) - product["stock"], "corrected")
        product.update(changes)
        return 200

    def archive_product(self, id_key: int, *, is_archived: bool) -> int:
        if id_key not in self.products:
            return 404
        product = self.products[id_key]
        product.pop("archived", None)
        if is_archived:
            product["archived"] = True
        return 200

    def live_products(self) -> list[Object]:
        return [product for product in self.products.values() if "archived" not in product]

    def delete_product(self, id_key: int) -> int:
        if id_key not in self.products:
            return 404
        if any(detail["product_id"] == id_key for detail in self.details.values()):
            return 409
        del self.products[id_key], self.ledger[id_key]
        return 204

    def move_stock(self, id_key: int, body: Object) -> int:
        if id_key not in self.products:
            return 404
        stock = self.products[id_key]["stock"]
        quantity = body["stock"] - stock if body["reason"] == "counted" else body["quantity"]
        if stock + quantity < 0:
            return 400
        self._move(id_key, quantity, body["reason"])
        return 201 if quantity else 204

    def add_order(self, body: Object) -> int:
        return self._refusal_of_bill(None, body) or 201

    def change_order(self, id_key: int, changes: Object) -> int:
        if id_key not in self.orders:
            return 404
        before = self.orders[id_key]
        after = before | changes
        if after == before:
            return 200
        if after["status"] not in FOLLOWS[before["status"]] or before["status"] in CLOSED:
            return 409
        if id_key in self.checkouts and (after["total"], after["bill_id"]) != (before["total"], before["bill_id"]):
            return 409
        if refusal := self._refusal_of_bill(id_key, after):
            return refusal
        if after["status"] == CANCELED:
            self._put_back(id_key)
        self.orders[id_key] = after
        return 200

    def delete_order(self, id_key: int) -> int:
        if id_key not in self.orders:
            return 404
        if self.orders[id_key]["status"] not in CLOSED:
            self._put_back(id_key)
        for detail in self._details_of(id_key):
            del self.details[detail["id_key"]]
        del self.orders[id_key]
        self.checkouts.discard(id_key)
        return 204

    def change_bill(self, id_key: int, changes: Object) -> int:
        if id_key not in self.bills:
            return 404
        before = self.bills[id_key]
        after = before | changes
        order = next((order for order in self.checkouts if self.orders[order]["bill_id"] == id_key), None)
        if order is not None and after != before:
            cents = self._cents(order) - round(after["discount"] * 100)
            if self.orders[order]["status"] in CLOSED:
                return 409
            if cents < 0:
                return 400
            if after["total"] not in (before["total"], cents / 100):
                return 409
        self.bills[id_key] = after
        self._add_up(order)
        return 200

    def delete_bill(self, id_key: int) -> int:
        if id_key not in self.bills:
            return 404
        if any(order["bill_id"] == id_key for order in self.orders.values()):
            return 409
        del self.bills[id_key]
        return 204

    def add_detail(self, body: Object) -> int:
        if refusal := self._refusal(body["order_id"]):
            return refusal
        product = self.products.get(body["product_id"])
        if product is None:
            return 404
        if "archived" in product:
            return 409
        is_agreed = body.get("price", product["price"]) == product["price"]
        return 201 if is_agreed and body["quantity"] <= product["stock"] else 400

    def change_detail(self, id_key: int, changes: Object) -> int:
        if id_key not in self.details:
            return 404
        before = self.details[id_key]
        after = before | changes
        if after == before:
            return 200
        for order in sorted({before["order_id"], after["order_id"]}):
            if refusal := self._refusal(order):
                return refusal
        if after["product_id"] not in self.products:
            return 404
        old, new = self.products[before["product_id"]], self.products[after["product_id"]]
        more = after["quantity"] - before["quantity"] * (new is old)
        if more > 0 and "archived" in new:
            return 409
        if more > new["stock"]:
            return 400
        after |= {} if new is old else {"price": new["price"]}
        if refusal := self._refusal_of_totals(before, after):
            return refusal
        if new is old:
            quantity = before["quantity"] - after["quantity"]
            self._move(after["product_id"], quantity, "sold" if quantity < 0 else "restored", id_key)
        else:
            self._move(before["product_id"], before["quantity"], "restored", id_key)
            self._move(after["product_id"], -after["quantity"], "sold", id_key)
        self.details[id_key] = after
        self._add_up(before["order_id"])
        self._add_up(after["order_id"])
        return 200

    def delete_detail(self, id_key: int) -> int:
        if id_key not in self.details:
            return 404
        detail = self.details[id_key]
        if refusal := self._refusal(detail["order_id"]) or self._refusal_of_totals(detail, None):
            return refusal
        del self.details[id_key]
        self._move(detail["product_id"], detail["quantity"], "restored", id_key)
        self._add_up(detail["order_id"])
        return 204

    def check_out(self, lines: Lines, discount: float) -> tuple[int, float]:
        """Return the expected status and the total of the order."""
        for product, _ in lines:
            if product not in self.products or "archived" in self.products[product]:
                return 409 if product in self.products else 404, 0
        wanted: Counter[int] = Counter()
        cents = -round(discount * 100)
        for product, quantity in lines:
            wanted[product] += quantity
            cents += round(self.products[product]["price"] * 100) * quantity
        is_short = any(self.products[product]["stock"] < quantity for product, quantity in wanted.items())
        return (400 if is_short or cents < 0 else 201), cents / 100

    def _refusal(self, order: int) -> int | None:
        """Return the status that refuses changes of the order's details, or None."""
        if order not in self.orders:
            return 404
        return 409 if self.orders[order]["status"] in CLOSED else None

    def _refusal_of_bill(self, id_key: int | None, order: Object) -> int | None:
        """Return the status that refuses the order's bill, or None."""
        if order["bill_id"] not in self.bills:
            return 404
        others = [other for other in self.orders.values() if other["bill_id"] == order["bill_id"]]
        return (
            409
            if any(
                other["id_key"] != id_key
                and (other["client_id"] != order["client_id"] or other["id_key"] in self.checkouts)
                for other in others
            )
            else None
        )

    def _refusal_of_totals(self, before: Object, after: Object | None) -> int | None:
        """Return the status that refuses a change of a detail because of its checkout, or None."""
        order = before["order_id"]
        is_left = after is None or after["order_id"] != order
        if order not in self.checkouts:
            return None
        if is_left and len(self._details_of(order)) == 1:
            return 409
        kept = 0 if is_left or after is None else cents_of(after)
        discount = round(self.bills[self.orders[order]["bill_id"]]["discount"] * 100)
        return 400 if self._cents(order) - cents_of(before) + kept < discount else None

    def _add_up(self, order: int | None) -> None:
        """Let the totals of a checkout follow its details."""
        if order in self.checkouts:
            bill = self.bills[self.orders[order]["bill_id"]]
            total = (self._cents(order) - round(bill["discount"] * 100)) / 100
            self.orders[order]["total"] = bill["total"] = total

    def _cents(self, order: int) -> int:
        return sum(map(cents_of, self._details_of(order)))

    def _details_of(self, order: int) -> list[Object]:
        return [detail for detail in self.details.values() if detail["order_id"] == order]

    def _put_back(self, order: int) -> None:
        for detail in self._details_of(order):
            self._move(detail["product_id"], detail["quantity"], "restored", detail["id_key"])

    def _move(self, product: int, quantity: int, reason: str, detail: int | None = None) -> None:
        """Change the stock and record the movement, unless nothing moves."""
        if quantity:
            stock = self.products[product]["stock"] = self.products[product]["stock"] + quantity
            self.ledger[product].append((quantity, stock, reason, detail))


def cents_of(detail: Object) -> int:
    return int(round(detail["price"] * 100) * detail["quantity"])
