"""Concurrent clients with real commits: no unit is sold twice, nothing is lost, and no request fails."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from tests.entities import Entity, every_entity
from tests.event_log import events, replay, shown
from tests.factories import Factory, Object

CLIENTS = 16


def run_concurrently(calls: Sequence[Callable[[], Any]], threads: int = CLIENTS) -> list[Any]:
    """Run the calls and return their results; the first `threads` calls begin at the same moment."""
    ready = threading.Barrier(min(threads, len(calls)))

    def run(number: int) -> Any:
        if number < ready.parties:
            ready.wait(30)
        return calls[number]()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(len(calls))))


def statuses(answers: Iterable[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def assert_consistent(database: Database) -> None:
    with database.engine.connect() as connection:
        assert disagreements(connection) == []


@pytest.fixture
def shop(committing_client: TestClient) -> Factory:
    return Factory(committing_client)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/clients", {"name": "J", "lastname": "D", "email": "{}@example.com"}, "Email already registered"),
        ("/categories", {"name": "Toys"}, "Category name already exists"),
        ("/bills", {"bill_number": "B-1", "total": 1, "payment_type": "cash"}, "Bill number already exists"),
    ],
)
def test_concurrent_creates_with_a_unique_value_succeed_once(
    shop: Factory, path: str, body: Object, message: str
) -> None:
    spellings = ["john", "JOHN", "John", "jOHN"] * 4
    bodies = [body | ({"email": f"{name}@example.com"} if "email" in body else {}) for name in spellings]
    answers = run_concurrently([partial(shop.client.post, path, json=body) for body in bodies])
    assert statuses(answers) == {201: 1, 409: 15}
    assert {answer.json()["detail"] for answer in answers if answer.status_code == 409} == {message}
    assert len(shop.client.get(path).json()) == 1


def test_concurrent_products_with_one_sku_succeed_once(shop: Factory) -> None:
    body = {"name": "Kite", "price": 1, "category_id": shop.category()["id_key"], "sku": "K-1"}
    answers = run_concurrently([partial(shop.client.post, "/products", json=body)] * CLIENTS)
    assert statuses(answers) == {201: 1, 409: 15}
    assert {answer.json()["detail"] for answer in answers if answer.status_code == 409} == {"SKU already exists"}
    assert len(shop.client.get("/products?sku=K-1").json()) == 1


def test_concurrent_spellings_of_an_email_are_one_client(shop: Factory) -> None:
    spellings = [
        "ΝΙΚΟΣ@xn--mnchen-3ya.de",
        "νικος@m\xfcnchen.de",
        "Νικοσ@MU\u0308NCHEN.de",
        "νικοΣ@XN--MNCHEN-3YA.DE",
    ] * 4
    bodies = [{"name": "N", "lastname": "P", "email": f" {spelling}\t"} for spelling in spellings]
    answers = run_concurrently([partial(shop.client.post, "/clients", json=body) for body in bodies])
    assert statuses(answers) == {201: 1, 409: 15}
    for spelling in spellings[:4]:
        assert len(shop.client.get("/clients", params={"email": spelling}).json()) == 1


def test_concurrent_bill_numbers_are_distinct(shop: Factory) -> None:
    bills = run_concurrently([shop.bill] * 64)
    assert len({bill["bill_number"] for bill in bills}) == 64


def test_concurrent_sales_never_oversell(shop: Factory, committing: Database) -> None:
    product, order = shop.product(stock=10), shop.order()
    body = {"quantity": 1, "order_id": order["id_key"], "product_id": product["id_key"]}
    answers = run_concurrently([lambda: shop.client.post("/order_details", json=body)] * 100)
    assert statuses(answers) == {201: 10, 400: 90}
    shortage = f"Insufficient stock for product {product['id_key']}. Requested: 1, Available: "
    assert all(answer.json()["detail"].startswith(shortage) for answer in answers if answer.status_code == 400)
    assert shop.client.get(f"/products/{product['id_key']}").json()["stock"] == 0
    assert len(shop.client.get("/order_details").json()) == 10
    assert_consistent(committing)


def test_concurrent_checkouts_never_oversell(shop: Factory, committing: Database) -> None:
    """Send the lines in both orders; the locks are always taken in key order."""
    products = [shop.product(stock=10), shop.product(stock=10)]
    customer = shop.customer()["id_key"]

    def place(is_reversed: bool) -> Any:
        items = [{"product_id": product["id_key"], "quantity": 1} for product in products]
        body = {"client_id": customer, "delivery_method": 1, "payment_type": "cash"}
        return shop.client.post("/orders/checkout", json=body | {"items": items[::-1] if is_reversed else items})

    answers = run_concurrently([partial(place, is_reversed=bool(number % 2)) for number in range(100)])
    assert statuses(answers) == {201: 10, 400: 90}
    assert [product["stock"] for product in shop.client.get("/products").json()] == [0, 0]
    assert len(shop.client.get("/bills").json()) == len(shop.client.get("/orders").json()) == 10
    assert_consistent(committing)


def test_concurrent_price_changes_keep_checkouts_consistent(shop: Factory, committing: Database) -> None:
    """Change prices meanwhile: a checkout locks its products, and all its amounts use the prices that it finds."""
    products = [shop.product(price=1, stock=1000)["id_key"] for _ in range(3)]
    customer = shop.customer()["id_key"]

    def change(number: int) -> Any:
        return shop.client.patch(f"/products/{products[number % 3]}", json={"price": number + 1})

    def place(number: int) -> Any:
        items = [{"product_id": products[(number + turn) % 3], "quantity": turn} for turn in (1, 2, 3)]
        body = {"client_id": customer, "delivery_method": 1, "payment_type": "cash", "items": items}
        headers = {"Idempotency-Key": f"order {number}"} if number % 2 else None
        return shop.client.post("/orders/checkout", json=body, headers=headers)

    answers = run_concurrently([partial(change if number % 4 == 0 else place, number) for number in range(120)])
    assert statuses(answers) == {201: 90, 200: 30}
    for placed in (answer.json() for answer in answers if answer.status_code == 201):
        total = sum(line["price"] * line["quantity"] for line in placed["order_details"])
        assert placed["order"]["total"] == placed["bill"]["total"] == total
    assert [product["stock"] for product in shop.client.get("/products").json()] == [1000 - 180] * 3
    assert_consistent(committing)


def test_concurrent_cancels_take_effect_once(shop: Factory, committing: Database) -> None:
    product = shop.product(stock=10)
    detail = shop.order_detail(quantity=4, product_id=product["id_key"])
    path = f"/orders/{detail['order_id']}"
    cancel = partial(shop.client.put, path, json={"status": 4})
    add = partial(shop.client.post, "/order_details", json={**detail, "quantity": 1})
    remove = partial(shop.client.delete, f"/order_details/{detail['id_key']}")
    answers = run_concurrently([cancel, add, cancel, remove] * 4)
    assert statuses(answers).keys() <= {200, 201, 204, 404, 409}
    assert shop.client.get(f"/products/{product['id_key']}").json()["stock"] == 10
    history = shop.client.get(f"{path}/history").json()
    assert [change["to_status"] for change in history] == [1, 4]
    assert_consistent(committing)


def test_concurrent_deletes_of_an_order_succeed_once(shop: Factory, committing: Database) -> None:
    product = shop.product(stock=10)
    detail = shop.order_detail(quantity=4, product_id=product["id_key"])
    delete = partial(shop.client.delete, f"/orders/{detail['order_id']}")
    change = partial(shop.client.put, f"/order_details/{detail['id_key']}", json={"quantity": 9})
    answers = run_concurrently([delete, change] * 8)
    assert statuses(answers)[204] == 1
    assert statuses(answers).keys() <= {200, 204, 404}
    assert shop.client.get(f"/products/{product['id_key']}").json()["stock"] == 10
    assert_consistent(committing)


@every_entity
def test_concurrent_writes_with_if_match_succeed_once(shop: Factory, entity: Entity) -> None:
    where = f"{entity.path}/{entity.make(shop)['id_key']}"
    etag = shop.client.get(where).headers["ETag"]
    name, value = next(iter(entity.updates().items()))
    write = partial(shop.client.put, where, json={name: value}, headers={"If-Match": etag})
    assert statuses(run_concurrently([write] * 8)) == {200: 1, 412: 7}


@every_entity
def test_concurrent_deletes_succeed_once(shop: Factory, entity: Entity) -> None:
    where = f"{entity.path}/{entity.make(shop)['id_key']}"
    delete = partial(shop.client.delete, where)
    change = partial(shop.client.patch, where, json={})
    answers = run_concurrently([delete, change] * 4)
    assert statuses(answers)[204] == 1
    assert statuses(answers).keys() <= {200, 204, 404}


@every_entity
def test_updated_at_is_the_time_of_the_last_change(shop: Factory, committing: Database, entity: Entity) -> None:
    made = entity.make(shop)
    name, value = next(iter(entity.updates().items()))

    def times() -> tuple[Any, Any]:
        with committing.engine.connect() as connection:
            table = entity.path.strip("/")
            statement = f"SELECT created_at, updated_at FROM {table} WHERE id_key = {made['id_key']}"
            created, updated = connection.exec_driver_sql(statement).one()
            return created, updated

    created, updated = times()
    assert created <= updated
    assert created.utcoffset().total_seconds() == 0
    shop.client.put(f"{entity.path}/{made['id_key']}", json={name: value})
    assert times()[0] == created
    assert times()[1] > updated


def test_concurrent_changes_of_one_checkout_add_up(shop: Factory, committing: Database) -> None:
    """Add, change, move and delete details of two checkout orders, and change their discounts, all at once."""
    products = [shop.product(stock=1000, price=price)["id_key"] for price in (0.01, 10)]
    body = {"client_id": shop.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    items = [{"product_id": product, "quantity": 10} for product in products * 4]
    placed = [shop.post("/orders/checkout", body | {"items": items}) for _ in range(2)]
    calls: list[Callable[[], Any]] = []
    for first, second in (placed, placed[::-1]):
        order, bill, lines = first["order"]["id_key"], first["bill"]["id_key"], first["order_details"]
        add = {"order_id": order, "product_id": products[1], "quantity": 1}
        calls += [partial(shop.client.post, "/order_details", json=add)] * 8
        for number, line in enumerate(lines):
            path, change = f"/order_details/{line['id_key']}", {"quantity": 3, "product_id": products[number % 2]}
            move = change | {"order_id": second["order"]["id_key"]}
            calls += [
                partial(shop.client.delete, path) if number % 4 == 0 else partial(shop.client.patch, path, json=change),
                partial(shop.client.patch, path, json=move if number % 4 == 1 else change),
                partial(shop.client.patch, f"/bills/{bill}", json={"discount": number}),
            ]
    random.Random(7).shuffle(calls)
    assert statuses(run_concurrently(calls)).keys() <= {200, 201, 204, 400, 404, 409}
    assert_consistent(committing)


class Customer:
    """Client with random requests about orders; it knows only the objects in its responses."""

    def __init__(self, shop: Factory, products: Sequence[int], seed: int) -> None:
        self.shop, self.products, self.random = shop, products, random.Random(seed)
        self.client_id = shop.customer()["id_key"]
        self.orders: list[int] = []
        self.bills: list[int] = []
        self.details: list[int] = []
        self.seen: Counter[int] = Counter()

    def run(self, steps: int) -> None:
        actions = [self.buy, self.buy, self.change, self.move, self.remove, self.progress, self.cancel, self.discard]
        actions += [self.check_out, self.open, self.discount, self.share, self.give_away]
        self.open()
        for _ in range(steps):
            self.random.choice(actions)()

    def ask(self, method: str, path: str, body: Object | None = None) -> Object | None:
        answer = self.shop.client.request(method, path, json=body)
        self.seen[answer.status_code] += 1
        return answer.json() if answer.status_code in (200, 201) else None

    def product(self) -> int:
        return self.random.choice(self.products)

    def quantity(self) -> int:
        return self.random.randint(1, 5)

    def order(self) -> int:
        return self.random.choice(self.orders) if self.orders else 0

    def bill(self) -> int:
        return self.random.choice(self.bills) if self.bills else 0

    def detail(self) -> int:
        return self.random.choice(self.details) if self.details else 0

    def open(self) -> None:
        self.bills.append(self.shop.bill()["id_key"])
        self.share()

    def share(self) -> None:
        """Open an order with any bill: the first client to do so owns it."""
        body = {"total": 1, "delivery_method": 1, "client_id": self.client_id, "bill_id": self.bill()}
        if made := self.ask("POST", "/orders", body):
            self.orders.append(made["id_key"])

    def give_away(self) -> None:
        body = {"client_id": self.client_id} | ({} if self.random.random() < 0.5 else {"bill_id": self.bill()})
        self.ask("PATCH", f"/orders/{self.order()}", body)

    def discount(self) -> None:
        self.ask("PATCH", f"/bills/{self.bill()}", {"discount": self.random.choice((0, 1, 5, 20))})

    def buy(self) -> None:
        body = {"quantity": self.quantity(), "order_id": self.order(), "product_id": self.product()}
        if made := self.ask("POST", "/order_details", body):
            self.details.append(made["id_key"])

    def change(self) -> None:
        self.ask("PUT", f"/order_details/{self.detail()}", {"quantity": self.quantity(), "product_id": self.product()})

    def move(self) -> None:
        self.ask("PATCH", f"/order_details/{self.detail()}", {"order_id": self.order()})

    def remove(self) -> None:
        self.ask("DELETE", f"/order_details/{self.detail()}")

    def progress(self) -> None:
        self.ask("PATCH", f"/orders/{self.order()}", {"status": self.random.choice((2, 3))})

    def cancel(self) -> None:
        self.ask("PATCH", f"/orders/{self.order()}", {"status": 4})

    def discard(self) -> None:
        self.ask("DELETE", f"/orders/{self.order()}")

    def check_out(self) -> None:
        items = [{"product_id": self.product(), "quantity": self.quantity()} for _ in range(self.random.randint(1, 4))]
        body = {"client_id": self.client_id, "delivery_method": 1, "payment_type": "cash", "items": items}
        if made := self.ask("POST", "/orders/checkout", body):
            self.orders.append(made["order"]["id_key"])
            self.bills.append(made["bill"]["id_key"])
            self.details += [detail["id_key"] for detail in made["order_details"]]


class Manager(Customer):
    """Manager who moves stock and changes prices; `If-Match` keeps the updates from undoing a sale."""

    def run(self, steps: int) -> None:
        for _ in range(steps):
            path = f"/products/{self.product()}"
            read = self.shop.client.get(path)
            body = {"stock": read.json()["stock"] + 1, "price": self.random.choice((5, 6, 7))}
            answer = self.shop.client.put(path, json=body, headers={"If-Match": read.headers["ETag"]})
            self.seen[answer.status_code] += 1
            self.move_stock()

    def move_stock(self) -> None:
        units = self.random.randint(-2, 3)
        body: Object = {"reason": "received" if units > 0 else "damaged", "quantity": units}
        body = body if units else {"reason": "counted", "stock": self.random.randint(0, 20)}
        self.ask("POST", f"/products/{self.product()}/stock_movements", body)


def held_units(client: TestClient, product: int) -> int:
    """Return the units of a product in orders that are not canceled."""
    kept = {order["id_key"] for order in client.get("/orders?limit=1000").json() if order["status"] != 4}
    details = client.get(f"/order_details?limit=1000&product_id={product}").json()
    return sum(detail["quantity"] for detail in details if detail["order_id"] in kept)


def test_concurrent_order_changes_lose_no_stock(shop: Factory, committing: Database) -> None:
    """Skip deliveries, so that every unit is either in stock or held by an order."""
    products = [shop.product(stock=60)["id_key"], shop.product(stock=60)["id_key"]]
    customers = [Customer(shop, products, seed) for seed in range(CLIENTS)]
    for customer in customers:
        customer.progress = lambda: None  # type: ignore[method-assign] # nothing is delivered
    run_concurrently([partial(customer.run, 25) for customer in customers])
    seen = sum((customer.seen for customer in customers), Counter[int]())
    assert seen.keys() <= {200, 201, 204, 400, 404, 409}
    assert seen[201] > 100
    for product in products:
        stock = shop.client.get(f"/products/{product}").json()["stock"]
        assert stock >= 0
        assert stock + held_units(shop.client, product) == 60
    assert_consistent(committing)


def test_concurrent_requests_of_all_kinds_stay_consistent(shop: Factory, committing: Database) -> None:
    """Share orders and details, so that callers also change those of others."""
    products = [shop.product(stock=80, price=5)["id_key"] for _ in range(3)]
    customers = [Customer(shop, products, seed) for seed in range(CLIENTS - 1)]
    for customer in customers:
        customer.orders, customer.bills = customers[0].orders, customers[0].bills
        customer.details = customers[0].details
    callers = [*customers, Manager(shop, products, CLIENTS)]
    run_concurrently([partial(caller.run, 25) for caller in callers])
    seen = sum((caller.seen for caller in callers), Counter[int]())
    assert seen.keys() <= {200, 201, 204, 400, 404, 409, 412}
    assert min(seen[200], seen[201], seen[204]) > 10
    assert_consistent(committing)
    assert replay(events(shop.client)) == shown(shop.client)
