"""Customers of the demo. They check what they read against all answered writes, and record every response."""

import http.client
import json
import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from tests.load import Caller, Response, ask

COUNT = 16
THINK_SECONDS = 0.03  # on average
SHARES = (30, 30, 24, 5, 6, 5), (30, 30, 40, 0, 0, 0)  # percent of the acts; every second customer only reads
TIMEOUT_SECONDS = 20
STOCK = 1_000_000
UNANSWERED = 0


class Outcome(NamedTuple):
    ended_at: float
    seconds: float
    is_write: bool
    status: int
    """UNANSWERED if the connection was lost."""
    is_hit: bool | None
    """None if the response is never cached."""


@dataclass
class Ledger:
    """The last answered price of each product, and the reads that contradict an earlier answered write."""

    category: int
    prices: dict[int, int] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    stale: list[str] = field(default_factory=list)


@dataclass
class Customer:
    """Customer with a client, and a product whose price only it changes. Prices and names count up."""

    number: int
    entrances: list[str]
    ledger: Ledger
    product: int
    client: int = 0
    name: int = 0
    price: int = 0
    bought: int = 0
    """Orders that were answered, once for each key."""
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self) -> None:
        acts = [self.list_products, self.see_product, self.see_self, self.rename, self.raise_price, self.buy]
        self.call = Caller(self.entrances[0], TIMEOUT_SECONDS)
        try:
            self.sign_up()
            while not self.ledger.stop.is_set():
                [act] = random.choices(acts, SHARES[self.number % 2])
                act()
                self.ledger.stop.wait(random.expovariate(1 / THINK_SECONDS))
        finally:
            self.call.connection.close()

    def sign_up(self) -> None:
        new = {"name": "0", "lastname": "Customer"}
        made = self.insist(lambda: self.ask("POST", "/clients", new | {"email": f"{secrets.token_hex(8)}@example.com"}))
        self.client = made["id_key"]

    def list_products(self) -> None:
        before = dict(self.ledger.prices)
        for product in self.ask("GET", f"/products?category_id={self.ledger.category}", is_cached=True) or []:
            self.compare(f"the price of product {product['id_key']}", product["price"], before[product["id_key"]])

    def see_product(self) -> None:
        key, before = random.choice(list(self.ledger.prices.items()))
        if product := self.ask("GET", f"/products/{key}", is_cached=True):
            self.compare(f"the price of product {key}", product["price"], before)

    def see_self(self) -> None:
        """Read one's own name, which a replica may answer."""
        if found := self.ask("GET", f"/clients/{self.client}"):
            self.compare(f"the name of client {self.client}", int(found["name"]), self.name)

    def rename(self) -> None:
        name = str(self.name + 1)
        if self.ask("PATCH", f"/clients/{self.client}", {"name": name}):
            self.name += 1

    def raise_price(self) -> None:
        self.price += 1
        if self.ask("PATCH", f"/products/{self.product}", {"price": self.price}):
            self.ledger.prices[self.product] = self.price

    def buy(self) -> None:
        """Place an order. Repeat it with the same key until it is answered."""
        items = [{"product_id": self.product, "quantity": 1}]
        order = {"client_id": self.client, "delivery_method": 1, "payment_type": "cash", "items": items}
        key = secrets.token_hex(8)
        if self.insist(lambda: self.ask("POST", "/orders/checkout", order, Idempotency_Key=key)):
            self.bought += 1

    def insist(self, attempt: Callable[[], Any]) -> Any:
        while not (answer := attempt()) and not self.ledger.stop.is_set():
            self.ledger.stop.wait(0.2)
        return answer

    def compare(self, what: str, found: float, answered: float) -> None:
        if found < answered:
            self.ledger.stale.append(f"{what} was {found:g} after {answered:g} had been answered")

    def ask(self, method: str, path: str, body: Any = None, *, is_cached: bool = False, **headers: str) -> Any:
        """Return the JSON of a success, or None."""
        sent_at, answer = monotonic(), None
        address = f"203.0.113.{self.number}"
        try:
            answer = self.call(method, path, body, X_Forwarded_For=address, **headers)
        except (OSError, http.client.HTTPException):
            self.turn_to_another_entrance()
        self.record(sent_at, method != "GET", answer, is_cached)
        return json.loads(answer.body) if answer and answer.status in (200, 201) else None

    def record(self, sent_at: float, is_write: bool, answer: Response | None, is_cached: bool) -> None:
        now, status = monotonic(), answer.status if answer else UNANSWERED
        is_hit = answer.headers["X-Cache-Hit"] == "true" if answer and status == 200 and is_cached else None
        self.outcomes.append(Outcome(now, now - sent_at, is_write, status, is_hit))
        if status != 200 and status != 201:
            self.ledger.stop.wait(0.1)

    def turn_to_another_entrance(self) -> None:
        self.entrances = [*self.entrances[1:], self.entrances[0]]
        self.call = Caller(self.entrances[0], TIMEOUT_SECONDS)


def new_customers(entrances: list[str]) -> list[Customer]:
    """Create a category with a product for each customer."""
    category = ask(entrances[0], "POST", "/categories", {"name": "Under load"}).json()["id_key"]
    ledger = Ledger(category)
    for number in range(COUNT):
        new = {"name": f"Product {number}", "price": 0.01, "stock": STOCK, "category_id": category}
        ledger.prices[ask(entrances[0], "POST", "/products", new).json()["id_key"]] = 0
    return [Customer(number, entrances, ledger, product) for number, product in enumerate(ledger.prices, 1)]
