"""Random sequences of orders, checkouts, bills and changes over HTTP, compared with a small model of the shop."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import redis
from fastapi.testclient import TestClient
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from config.settings import Settings
from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from tests.database import empty_tables
from tests.event_log import events, replay, shown
from tests.factories import Factory, Object
from tests.shop_model import ShopModel

prices = st.integers(1, 2000).map(lambda cents: cents / 100)
quantities = st.integers(1, 5)
stocks = st.integers(0, 20)
movements = st.one_of(
    st.fixed_dictionaries({"reason": st.just("received"), "quantity": quantities}),
    st.fixed_dictionaries({"reason": st.just("damaged"), "quantity": quantities.map(lambda units: -units)}),
    st.fixed_dictionaries({"reason": st.just("counted"), "stock": stocks}),
)
discounts = st.sampled_from((0, 0, 0, 0.01, 9.99))
amounts = st.sampled_from((0, 0.01, 9.99, 19.98, 30))
GONE = 12
picks = st.sampled_from(range(GONE + 1))
MISSING_ID = 999_999_999


class ShopMachine(RuleBasedStateMachine):
    client: ClassVar[TestClient]
    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.remove_all()
        self.model, self.keys = ShopModel(), 0
        self.copy: dict[int, Object] = {}
        self.safe_since = "2020-01-01T00:00:00Z"
        make = Factory(self.client)
        self.shelf = make.category()["id_key"]
        self.buyers = [make.customer()["id_key"] for _ in range(2)]
        for _ in range(2):
            self.model.enter_bill(make.bill())
        for stock in (10, 20):
            self.add_product(stock=stock, price=9.99)
        self.open_order(status=1, bill=0, buyer=0)

    def teardown(self) -> None:
        """Compare the lists with the model, and all objects with what the event log tells."""
        assert replay(events(self.client)) == shown(self.client)
        for path, _, objects in self.tables():
            assert self.send("GET", path, 200) == list(objects.values())

    def tables(self) -> list[tuple[str, tuple[str, ...], dict[int, Object]]]:
        """Return paths, some of the columns, and the model's objects."""
        return [
            ("/order_details", ("id_key", "quantity", "price", "order_id", "product_id"), self.model.details),
            ("/orders", ("id_key", "total", "delivery_method", "status", "client_id", "bill_id"), self.model.orders),
            ("/bills", ("id_key", "discount", "total"), self.model.bills),
        ]

    def remove_all(self) -> None:
        """Remove the data of the previous example."""
        raise NotImplementedError

    def send(self, method: str, path: str, expected: int, body: Object | None = None, **headers: str) -> Any:
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    @staticmethod
    def one_of(table: Mapping[int, Any], pick: int) -> int:
        keys = list(table)
        return keys[pick % len(keys)] if keys and pick != GONE else MISSING_ID

    @rule(stock=stocks, price=prices)
    def add_product(self, stock: int, price: float) -> None:
        body = {"name": "Thing", "price": price, "stock": stock, "category_id": self.shelf}
        self.model.enter_product(self.send("POST", "/products", 201, body))

    @rule(pick=picks, changes=st.fixed_dictionaries({}, optional={"stock": stocks, "price": prices}))
    def change_product(self, pick: int, changes: Object) -> None:
        product = self.one_of(self.model.products, pick)
        self.send("PUT", f"/products/{product}", self.model.change_product(product, changes), changes)

    @rule(pick=picks, body=movements, repeats=st.integers(0, 1))
    def move_stock(self, pick: int, body: Object, repeats: int) -> None:
        """Receive, write off or count units; repeats with the same key must change nothing."""
        product = self.one_of(self.model.products, pick)
        self.keys += 1
        expected, key = self.model.move_stock(product, body), {"Idempotency-Key": f"movement {self.keys}"}
        for _ in range(1 + repeats):
            self.send("POST", f"/products/{product}/stock_movements", expected, body, **key)

    @rule(pick=picks, is_archived=st.booleans())
    def archive_product(self, pick: int, is_archived: bool) -> None:
        product, action = self.one_of(self.model.products, pick), "archive" if is_archived else "unarchive"
        expected = self.model.archive_product(product, is_archived=is_archived)
        answer = self.send("POST", f"/products/{product}/{action}", expected)
        assert expected == 404 or answer == self.model.products[product]

    @precondition(lambda self: len(self.model.products) > 2)
    @rule(pick=picks)
    def delete_product(self, pick: int) -> None:
        product = self.one_of(self.model.products, pick)
        self.send("DELETE", f"/products/{product}", self.model.delete_product(product))

    @rule(status=st.sampled_from((1, 1, 1, 2, 3)), bill=picks, buyer=st.integers(0, 1))
    def open_order(self, status: int, bill: int, buyer: int) -> None:
        body = {"total": 1, "delivery_method": 1, "status": status, "client_id": self.buyers[buyer]}
        body["bill_id"] = self.one_of(self.model.bills, bill)
        expected = self.model.add_order(body)
        made = self.send("POST", "/orders", expected, body)
        if expected == 201:
            self.model.enter_order(made)

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks, status=st.integers(1, 4))
    def change_status(self, pick: int, status: int) -> None:
        order = self.one_of(self.model.orders, pick)
        self.send("PATCH", f"/orders/{order}", self.model.change_order(order, {"status": status}), {"status": status})

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks, method=st.none() | st.integers(1, 2), total=st.none() | amounts, bill=st.none() | picks)
    def change_order(self, pick: int, method: int | None, total: float | None, bill: int | None) -> None:
        """Write all fields that the order has, and some new values."""
        order = self.one_of(self.model.orders, pick)
        changes = {"delivery_method": method, "total": total}
        changes["bill_id"] = None if bill is None else self.one_of(self.model.bills, bill)
        body = self.model.orders.get(order, {}) | {name: value for name, value in changes.items() if value is not None}
        self.send("PUT", f"/orders/{order}", self.model.change_order(order, body), body)

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks, buyer=st.integers(0, 1))
    def change_client(self, pick: int, buyer: int) -> None:
        order, changes = self.one_of(self.model.orders, pick), {"client_id": self.buyers[buyer]}
        self.send("PATCH", f"/orders/{order}", self.model.change_order(order, changes), changes)

    @rule(discount=discounts)
    def add_bill(self, discount: float) -> None:
        body = {"total": 0.5, "discount": discount, "payment_type": "card"}
        self.model.enter_bill(self.send("POST", "/bills", 201, body))

    @rule(pick=picks, changes=st.fixed_dictionaries({}, optional={"discount": amounts, "total": amounts}))
    def change_bill(self, pick: int, changes: Object) -> None:
        bill = self.one_of(self.model.bills, pick)
        self.send("PATCH", f"/bills/{bill}", self.model.change_bill(bill, changes), changes)

    @rule(pick=picks)
    def delete_bill(self, pick: int) -> None:
        bill = self.one_of(self.model.bills, pick)
        self.send("DELETE", f"/bills/{bill}", self.model.delete_bill(bill))

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks)
    def delete_order(self, pick: int) -> None:
        order = self.one_of(self.model.orders, pick)
        for _ in range(2):
            self.send("DELETE", f"/orders/{order}", self.model.delete_order(order))

    @rule(order=picks, product=picks, quantity=quantities, offered=st.sampled_from((None, 0, 0, 0.01)))
    def add_detail(self, order: int, product: int, quantity: int, offered: float | None) -> None:
        body: Object = {
            "quantity": quantity,
            "order_id": self.one_of(self.model.orders, order),
            "product_id": self.one_of(self.model.products, product),
        }
        if offered is not None and body["product_id"] in self.model.products:
            body["price"] = round(self.model.products[body["product_id"]]["price"] + offered, 2)
        expected = self.model.add_detail(body)
        made = self.send("POST", "/order_details", expected, body)
        if expected == 201:
            self.model.enter_detail(made)

    @precondition(lambda self: self.model.details)
    @rule(pick=picks, quantity=st.none() | quantities, product=st.none() | picks, order=st.none() | picks)
    def change_detail(self, pick: int, quantity: int | None, product: int | None, order: int | None) -> None:
        detail = self.one_of(self.model.details, pick)
        changes = {} if quantity is None else {"quantity": quantity}
        if product is not None:
            changes["product_id"] = self.one_of(self.model.products, product)
        if order is not None:
            changes["order_id"] = self.one_of(self.model.orders, order)
        self.send("PUT", f"/order_details/{detail}", self.model.change_detail(detail, changes), changes)

    @precondition(lambda self: self.model.details)
    @rule(pick=picks)
    def delete_detail(self, pick: int) -> None:
        detail = self.one_of(self.model.details, pick)
        self.send("DELETE", f"/order_details/{detail}", self.model.delete_detail(detail))

    @rule(
        wanted=st.lists(st.tuples(picks, quantities), min_size=1, max_size=4),
        discount=discounts,
        buyer=st.integers(0, 1),
        repeats=st.integers(0, 2),
    )
    def check_out(self, wanted: list[tuple[int, int]], discount: float, buyer: int, repeats: int) -> None:
        """Place an order; repeats with the same key must change nothing."""
        lines = [(self.one_of(self.model.products, pick), quantity) for pick, quantity in wanted]
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        body: Object = {"client_id": self.buyers[buyer], "delivery_method": 1, "payment_type": "cash"}
        body |= {"discount": discount, "items": items}
        self.keys += 1
        key = {"Idempotency-Key": f"checkout {self.keys}"}
        expected, total = self.model.check_out(lines, discount)
        answers = [self.send("POST", "/orders/checkout", expected, body, **key) for _ in range(1 + repeats)]
        assert answers == [answers[0]] * len(answers)
        if expected == 201:
            assert answers[0]["order"]["total"] == answers[0]["bill"]["total"] == total
            self.model.enter_checkout(answers[0])

    @invariant()
    def tables_match_the_model(self) -> None:
        """Compare the tables with the model: each 201 is stored, and no refused request has left a trace."""
        with self.database.engine.connect() as connection:
            for path, names, objects in self.tables():
                rows = connection.execute(text(f"SELECT {', '.join(names)} FROM {path[1:]} ORDER BY id_key"))
                stored = [tuple(float(value) if isinstance(value, Decimal) else value for value in row) for row in rows]
                assert stored == [tuple(one[name] for name in names) for one in objects.values()]
            assert disagreements(connection) == []

    @invariant()
    def product_list_matches_the_model(self) -> None:
        live = self.model.live_products()
        assert self.send("GET", "/products", 200) == live
        archived = [product for product in self.model.products.values() if product not in live]
        assert self.send("GET", "/products?archived=true", 200) == archived

    @invariant()
    def changes_lead_to_the_model(self) -> None:
        """Keep a copy of the products up to date with lists of changes. Deletions are in no list."""
        answer = self.client.get("/products", params={"updated_since": self.safe_since})
        self.copy |= {product["id_key"]: product for product in answer.json()}
        assert {key: self.copy[key] for key in self.model.products} == self.model.products
        self.safe_since = answer.headers["X-Safe-Since"]

    @invariant()
    def ledger_matches_the_model(self) -> None:
        names = "product_id, quantity, stock_after, reason, order_detail_id"
        with self.database.engine.connect() as connection:
            rows = connection.execute(text(f"SELECT {names} FROM stock_movements ORDER BY product_id, id_key"))
            assert [tuple(row) for row in rows] == [
                (product, *movement) for product, movements in self.model.ledger.items() for movement in movements
            ]


def test_shop_behaves_like_its_model(committing_client: TestClient, committing: Database, settings: Settings) -> None:
    where = settings.redis_address()
    assert where

    class SessionShopMachine(ShopMachine):
        client, database = committing_client, committing

        def remove_all(self) -> None:
            cache.flushdb()
            empty_tables(committing)

    with redis.Redis(host=where.host, port=where.port, password=where.password, db=where.db) as cache:
        run_state_machine_as_test(
            SessionShopMachine, settings=limits(max_examples=20, stateful_step_count=30, deadline=None, database=None)
        )
