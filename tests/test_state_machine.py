"""Any sequence of orders, checkouts, changes and price tags, through HTTP, held against a small model of the shop."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar

import redis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from repositories.audit import disagreements
from tests.database import outer_transaction
from tests.factories import Factory, Object
from tests.shop_model import Lines, ShopModel

prices = st.integers(1, 2000).map(lambda cents: cents / 100)
quantities = st.integers(1, 6)
stocks = st.integers(0, 12)


class ShopMachine(RuleBasedStateMachine):
    shop: ClassVar[Callable[[], AbstractContextManager[tuple[TestClient, Session]]]]

    products, orders, details = Bundle("products"), Bundle("orders"), Bundle("details")

    def __init__(self) -> None:
        super().__init__()
        self.stack, self.model, self.keys = ExitStack(), ShopModel(), 0
        self.client, self.session = self.stack.enter_context(type(self).shop())
        make = Factory(self.client)
        self.shelf = make.category()["id_key"]
        self.buyer = {"client_id": make.customer()["id_key"], "delivery_method": 1}
        self.bill = make.bill()["id_key"]

    def teardown(self) -> None:
        self.stack.close()

    def ask(self, method: str, path: str, expected: int, body: Object | None = None, **headers: str) -> Any:
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    @rule(target=products, stock=stocks, price=prices)
    def put_up_for_sale(self, stock: int, price: float) -> int:
        body = {"name": "Thing", "price": price, "stock": stock, "category_id": self.shelf}
        return self.model.enter_product(self.ask("POST", "/products", 201, body))

    @rule(product=products, changes=st.fixed_dictionaries({}, optional={"stock": stocks, "price": prices}))
    def change_product(self, product: int, changes: Object) -> None:
        self.ask("PUT", f"/products/{product}", self.model.change_product(product, changes), changes)

    @rule(product=products)
    def delete_product(self, product: int) -> None:
        self.ask("DELETE", f"/products/{product}", self.model.delete_product(product))

    @rule(target=orders, status=st.sampled_from((1, 1, 1, 2, 3)))
    def open_order(self, status: int) -> int:
        body = self.buyer | {"total": 1, "bill_id": self.bill, "status": status}
        return self.model.enter_order(self.ask("POST", "/orders", 201, body))

    @rule(order=orders, status=st.integers(1, 4))
    def change_status(self, order: int, status: int) -> None:
        self.ask("PATCH", f"/orders/{order}", self.model.change_status(order, status), {"status": status})

    @rule(order=orders)
    def delete_order(self, order: int) -> None:
        self.ask("DELETE", f"/orders/{order}", self.model.delete_order(order))

    @rule(target=details, order=orders, product=products, quantity=quantities, offered=st.sampled_from((None, 0, 0.01)))
    def add_detail(self, order: int, product: int, quantity: int, offered: float | None) -> Any:
        body: Object = {"quantity": quantity, "order_id": order, "product_id": product}
        if offered is not None and product in self.model.products:
            body["price"] = round(self.model.products[product]["price"] + offered, 2)
        expected = self.model.add_detail(body)
        made = self.ask("POST", "/order_details", expected, body)
        return self.model.enter_detail(made) if expected == 201 else multiple()

    @rule(detail=details, quantity=st.none() | quantities, product=st.none() | products, order=st.none() | orders)
    def change_detail(self, detail: int, quantity: int | None, product: int | None, order: int | None) -> None:
        fields = {"quantity": quantity, "product_id": product, "order_id": order}
        changes = {name: value for name, value in fields.items() if value is not None}
        self.ask("PUT", f"/order_details/{detail}", self.model.change_detail(detail, changes), changes)

    @rule(detail=details)
    def delete_detail(self, detail: int) -> None:
        self.ask("DELETE", f"/order_details/{detail}", self.model.delete_detail(detail))

    @rule(
        target=orders,
        lines=st.lists(st.tuples(products, quantities), min_size=1, max_size=4),
        discount=st.sampled_from((0, 0, 0.01, 9.99)),
        repeats=st.integers(0, 2),
    )
    def check_out(self, lines: Lines, discount: float, repeats: int) -> Any:
        """Repeats with the same key change nothing."""
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        body = self.buyer | {"payment_type": "cash", "discount": discount, "items": items}
        self.keys += 1
        key = {"Idempotency-Key": f"checkout {self.keys}"}
        expected, total = self.model.check_out(lines, discount)
        answers = [self.ask("POST", "/orders/checkout", expected, body, **key) for _ in range(1 + repeats)]
        assert answers == [answers[0]] * len(answers)
        if expected != 201:
            return multiple()
        assert answers[0]["order"]["total"] == answers[0]["bill"]["total"] == total
        for detail in answers[0]["order_details"]:
            self.model.enter_detail(detail)
        return self.model.enter_order(answers[0]["order"])

    @invariant()
    def the_api_shows_what_the_model_has(self) -> None:
        """So everything that was answered with 201 is there, and nothing that was refused has left a trace."""
        by_key = [value for _, value in sorted(self.model.products.items())]
        assert self.ask("GET", "/products", 200) == by_key
        assert self.ask("GET", "/order_details", 200) == [value for _, value in sorted(self.model.details.items())]
        orders = self.ask("GET", "/orders", 200)
        assert {order["id_key"]: order["status"] for order in orders} == self.model.orders

    @invariant()
    def every_unit_is_somewhere(self) -> None:
        assert all(product["stock"] >= 0 for product in self.model.products.values())
        assert not any(self.model.missing_units())

    @invariant()
    def the_audit_agrees(self) -> None:
        assert disagreements(self.session.connection()) == []


def test_the_shop_behaves_like_its_model(
    app: FastAPI, running_app: TestClient, committing: Database, settings: Settings
) -> None:
    resources = app.state.resources
    own, where = resources.database, settings.redis_address()
    assert where

    @contextmanager
    def shop() -> Iterator[tuple[TestClient, Session]]:
        """A database and a cache with nothing in them."""
        cache.flushdb()
        with outer_transaction(committing, settings) as database, database.sessions() as session:
            resources.database = database
            try:
                yield running_app, session
            finally:
                resources.database = own

    class OfThisRun(ShopMachine):
        pass

    OfThisRun.shop = shop
    with redis.Redis(host=where.host, port=where.port, password=where.password, db=where.db) as cache:
        run_state_machine_as_test(
            OfThisRun, settings=limits(max_examples=20, stateful_step_count=30, deadline=None, database=None)
        )
