"""Customers who keep the whole application busy from threads, and remember everything that they were answered."""

import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from tests.servers import until

Object = dict[str, Any]
Ask = tuple[str, str, Object | None]

CUSTOMERS = 8
PATIENCE = 60  # seconds; whoever waits longer for an answer has none, and the test fails
STOCK = 1_000_000
JSON = {"Content-Type": "application/json"}


class StoredResponse(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One connection, kept alive; a lost one is made anew with the next request."""

    def __init__(self, url: str, seconds: float = PATIENCE) -> None:
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=seconds)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: Object | None = None, **headers: str) -> None:
        content = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, content, JSON | named if content else named)

    def receive(self) -> StoredResponse:
        with self.connection.getresponse() as response:
            return StoredResponse(response.status, response.headers, response.read())

    def __call__(self, method: str, path: str, body: Object | None = None, **headers: str) -> StoredResponse:
        """Raises OSError or HTTPException when there is no answer."""
        try:
            self.send(method, path, body, **headers)
            return self.receive()
        except BaseException:
            self.connection.close()
            raise


def ask(url: str, method: str, path: str, body: Object | None = None, seconds: float = PATIENCE) -> StoredResponse:
    with Caller(url, seconds) as call:
        return call(method, path, body)


@contextmanager
def all_at_once(url: str, requests: Sequence[Ask], **headers: str) -> Iterator[list[Caller]]:
    """All requests sent, and no answer waited for."""
    callers = [Caller(url) for _ in requests]
    try:
        for caller in callers:
            caller.connection.connect()
        for caller, (method, path, body) in zip(callers, requests, strict=True):
            caller.send(method, path, body, **headers)
        yield callers
    finally:
        for caller in callers:
            caller.connection.close()


class Told(NamedTuple):
    sent_at: float
    seconds: float
    status: int | None  # None: the connection was cut
    hit: bool


@dataclass
class Customer:
    """Signs up, looks, buys and raises a price, round after round."""

    url: str
    product: int
    stop: threading.Event
    told: list[Told] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)
    price: int = 1
    rounds: int = 0
    """Those in which everything went well."""
    malformed: list[StoredResponse] = field(default_factory=list)

    def run(self) -> None:
        with Caller(self.url) as self.call:
            for number in itertools.count(2):
                if self.stop.is_set():
                    return
                if all([self.looks(), self.signs_up(number), self.buys(), self.raises_the_price(number)]):
                    self.rounds += 1

    def looks(self) -> bool:
        paths = "/categories", "/products", f"/products/{self.product}", "/orders?sort=-id_key&limit=10"
        answers = [self.ask("GET", path) for path in paths]
        return all(answers)

    def signs_up(self, number: int) -> bool:
        email = f"john{number}@{self.product}.example.com"
        answer = self.ask("POST", "/clients", {"name": "John", "lastname": "Doe", "email": email})
        if answer:
            self.clients.add(answer.json()["id_key"])
        return bool(answer)

    def buys(self) -> bool:
        if not self.clients:
            return False
        items = [{"product_id": self.product, "quantity": 1}]
        order = {"client_id": max(self.clients), "delivery_method": 1, "payment_type": "cash", "items": items}
        answer = self.ask("POST", "/orders/checkout", order)
        if answer:
            self.orders.add(answer.json()["order"]["id_key"])
        return bool(answer)

    def raises_the_price(self, number: int) -> bool:
        answer = self.ask("PATCH", f"/products/{self.product}", {"price": number})
        if answer:
            self.price = number
        return bool(answer)

    def ask(self, method: str, path: str, body: Object | None = None) -> StoredResponse | None:
        """The answer if it is a good one."""
        sent_at = monotonic()
        try:
            answer = self.call(method, path, body, Origin="https://shop.example")
        except (ConnectionError, http.client.HTTPException):
            self.note(Told(sent_at, monotonic() - sent_at, None, False))
            return None
        hit = answer.headers["X-Cache-Hit"] == "true"
        self.note(Told(sent_at, monotonic() - sent_at, answer.status, hit))
        whole = answer.headers["X-Request-ID"] and answer.headers["Access-Control-Allow-Origin"]
        if not whole or (answer.status == 503 and not answer.headers["Retry-After"]):
            self.malformed.append(answer)
        return answer if answer.status in (200, 201) else None

    def note(self, told: Told) -> None:
        self.told.append(told)
        if told.status in (None, 503):
            self.stop.wait(0.02)


@dataclass
class Load:
    customers: list[Customer]

    def told(self) -> list[Told]:
        return [told for customer in self.customers for told in customer.told]

    def statuses(self) -> Counter[int | None]:
        return Counter(told.status for told in self.told())

    def goes_well(self, seconds: float = 30) -> None:
        """Waits until everybody has had two more rounds: the first may have begun before this was asked."""
        wanted = [(customer, customer.rounds + 2) for customer in self.customers]
        until(lambda: all(customer.rounds >= rounds for customer, rounds in wanted), seconds)

    def is_hit(self, more: int, seconds: float = 30) -> None:
        """Waits for so many more answers from the cache."""
        wanted = sum(told.hit for told in self.told()) + more
        until(lambda: sum(told.hit for told in self.told()) >= wanted, seconds)

    def hurts(self) -> None:
        """Waits until each customer has been refused something from now on."""
        wanted = [(customer, _refused(customer) + 1) for customer in self.customers]
        until(lambda: all(_refused(customer) >= refused for customer, refused in wanted), 40)


def _refused(customer: Customer) -> int:
    return sum(told.status in (None, 503) for told in customer.told)


@contextmanager
def under_load(url: str) -> Iterator[Load]:
    """From when all goes well; afterwards everybody has gone, with an answer to all that was asked."""
    category = ask(url, "POST", "/categories", {"name": f"of {monotonic()}"}).json()["id_key"]
    new = {"name": "Laptop", "price": 1, "stock": STOCK, "category_id": category}
    products = [ask(url, "POST", "/products", new).json()["id_key"] for _ in range(CUSTOMERS)]
    stop = threading.Event()
    load = Load([Customer(url, product, stop) for product in products])
    with ThreadPoolExecutor(CUSTOMERS) as threads:
        running = [threads.submit(customer.run) for customer in load.customers]
        try:
            load.goes_well()
            yield load
        finally:
            stop.set()
        for one in running:
            one.result()
    malformed = [answer for customer in load.customers for answer in customer.malformed]
    assert not malformed, [(answer.status, str(answer.headers), answer.body) for answer in malformed]
