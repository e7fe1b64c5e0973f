"""Orders while the database and the workers are killed repeatedly: each order is complete or absent."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from infrastructure.embedded.servers import PostgresServer
from tests.servers import ROOT, App, address, kill, postgres_server, running_app, until, valkey_server

CLIENTS, KILLS, PRODUCTS, STOCK = 16, 5, 3, 150
ANSWERS_BETWEEN_KILLS = 120

Object = dict[str, Any]


@dataclass
class Site:
    """Application as an operator runs it, with two workers and its own servers."""

    postgres: PostgresServer
    app: App
    environment: dict[str, str]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.postgres.connect("ecommerce_db")) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def kill_database(self) -> None:
        kill(self.postgres)
        self.postgres.start()

    def kill_a_worker(self) -> None:
        workers = until(self.app.workers)
        os.kill(random.choice(workers), signal.SIGKILL)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(tmp_path / "postgres"))
        valkey = stack.enter_context(valkey_server(tmp_path / "valkey"))
        environment = address(postgres) | address(valkey) | {"LOG_TO_FILE": "false"}
        yield Site(postgres, stack.enter_context(running_app(tmp_path, environment)), environment)


@dataclass
class Shopper:
    """Shopper who places, extends and cancels orders, and repeats each request until it is answered.

    It knows the statuses and the details of its orders only from the responses.
    """

    url: str
    number: int
    products: list[int]
    stop: threading.Event
    orders: dict[int, int] = field(default_factory=dict)
    bill_numbers: list[str] = field(default_factory=list)
    details: list[Object] = field(default_factory=list)
    seen: Counter[Any] = field(default_factory=Counter)
    keys: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.number)

    def run(self) -> None:
        with httpx2.Client(base_url=self.url, timeout=20) as self.client:
            email = f"john{self.number}@example.com"
            body = {"name": "John", "lastname": "Doe", "email": email}
            self.customer = self.send("POST", "/clients", body).json()["id_key"]
            while not self.stop.is_set():
                self.random.choice((self.place, self.place, self.add, self.cancel))()

    def place(self) -> None:
        items = [
            {"product_id": self.random.choice(self.products), "quantity": self.random.randint(1, 3)}
            for _ in range(self.random.randint(1, 3))
        ]
        body: Object = {"client_id": self.customer, "delivery_method": 1, "payment_type": "cash", "items": items}
        answer = self.send("POST", "/orders/checkout", body)
        if answer.status_code == 201:
            placed = answer.json()
            self.orders[placed["order"]["id_key"]] = 1
            self.bill_numbers.append(placed["bill"]["bill_number"])
            self.details += placed["order_details"]

    def add(self) -> None:
        if still_open := [order for order, status in self.orders.items() if status == 1]:
            product, order = self.random.choice(self.products), self.random.choice(still_open)
            answer = self.send("POST", "/order_details", {"quantity": 1, "order_id": order, "product_id": product})
            if answer.status_code == 201:
                self.details.append(answer.json())

    def cancel(self) -> None:
        if self.orders:
            order = self.random.choice(list(self.orders))
            self.send("PATCH", f"/orders/{order}", {"status": 4})
            self.orders[order] = 4

    def send(self, method: str, path: str, body: Object) -> httpx2.Response:
        headers = {}
        if method == "POST":
            self.keys += 1
            headers["Idempotency-Key"] = f"{self.number}: {self.keys}"
        while True:
            try:
                answer = self.client.request(method, path, json=body, headers=headers)
            except httpx2.TransportError:
                self.seen["unknown"] += 1
                continue
            self.seen[answer.status_code] += 1
            if answer.status_code != 503:
                return answer
            assert answer.headers["Retry-After"]
            self.stop.wait(0.05)


def add_products(url: str) -> list[int]:
    with httpx2.Client(base_url=url, timeout=20) as client:
        shelf = client.post("/categories", json={"name": "Hot"}).json()["id_key"]
        body = {"name": "Hot", "price": 9.99, "stock": STOCK, "category_id": shelf}
        return [client.post("/products", json=body).json()["id_key"] for _ in range(PRODUCTS)]


def shop_during_kills(site: Site, shoppers: list[Shopper], stop: threading.Event) -> None:
    def count_responses() -> int:
        return sum(sum(shopper.seen.values()) - shopper.seen["unknown"] - shopper.seen[503] for shopper in shoppers)

    def is_due(target: int) -> bool:
        return count_responses() >= target or any(run.done() for run in runs)

    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [pool.submit(shopper.run) for shopper in shoppers]
        try:
            for kills in range(KILLS + 1):
                until(partial(is_due, count_responses() + ANSWERS_BETWEEN_KILLS), 60)
                if kills < KILLS:
                    site.kill_a_worker()
                    site.kill_database()
        finally:
            stop.set()
        for run in runs:
            run.result(60)


def test_database_matches_the_responses_after_crashes(site: Site) -> None:
    products, stop = add_products(site.app.url), threading.Event()
    shoppers = [Shopper(site.app.url, number, products, stop) for number in range(CLIENTS)]
    shop_during_kills(site, shoppers, stop)

    seen = sum((shopper.seen for shopper in shoppers), Counter[Any]())
    assert seen.keys() <= {200, 201, 400, 503, "unknown"}, seen
    assert seen[503] + seen["unknown"] > 0, "no kill had an effect"

    orders = [order for shopper in shoppers for order in shopper.orders.items()]
    details = [detail for shopper in shoppers for detail in shopper.details]
    assert sorted(site.rows("SELECT id_key, status FROM orders")) == sorted(orders)
    assert sorted(site.rows("SELECT id_key, order_id, product_id, quantity FROM order_details")) == sorted(
        (detail["id_key"], detail["order_id"], detail["product_id"], detail["quantity"]) for detail in details
    )
    numbers = [number for shopper in shoppers for number in shopper.bill_numbers]
    assert sorted(site.rows("SELECT bill_number FROM bills")) == sorted((number,) for number in numbers)
    assert len(set(numbers)) == len(numbers) == len(orders)
    assert site.rows("SELECT count(*) FROM idempotency_keys") == [(sum(shopper.keys for shopper in shoppers),)]

    left = Counter(dict.fromkeys(products, STOCK))
    canceled = {order for order, status in orders if status == 4}
    for detail in details:
        left[detail["product_id"]] -= detail["quantity"] * (detail["order_id"] not in canceled)
    assert sorted(site.rows("SELECT id_key, stock FROM products")) == sorted(left.items())
    assert all(0 <= stock <= STOCK for stock in left.values())

    audit = subprocess.run(
        [sys.executable, "-m", "scripts.audit"],
        cwd=ROOT,
        env=os.environ | site.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert site.app.stop() == 0
    assert "Traceback" not in site.app.log.read_text()
