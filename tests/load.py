"""Customers that load the whole application from threads and record every response."""

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
Request = tuple[str, str, Object | None]

CUSTOMERS = 8
TIMEOUT_SECONDS = 60  # a longer wait counts as no response, and the test fails
STOCK = 1_000_000
JSON = {"Content-Type": "application/json"}


class Response(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One keep-alive connection; after a loss, the next request opens a new one."""

    def __init__(self, url: str, seconds: float = TIMEOUT_SECONDS) -> None:
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=seconds)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: Object | None = None, **headers: str) -> None:
        content = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, content, JSON | named if content else named)

    def receive(self) -> Response:
        with self.connection.getresponse() as response:
            return Response(response.status, response.headers, response.read())

    def __call__(self, method: str, path: str, body: Object | None = None, **headers: str) -> Response:
        """Send a request and return the response; raise OSError or HTTPException if there is none."""
        try:
            self.send(method, path, body, **headers)
            return self.receive()
        except BaseException:
            self.connection.close()
            raise


def ask(url: str, method: str, path: str, body: Object | None = None, seconds: float = TIMEOUT_SECONDS) -> Response:
    with Caller(url, seconds) as call:
        return call(method, path, body)


@contextmanager
def send_all(url: str, requests: Sequence[Request], **headers: str) -> Iterator[list[Caller]]:
    """Send all requests without waiting for a response, and yield their callers."""
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


class Outcome(NamedTuple):
    sent_at: float
    seconds: float
    status: int | None  # None: the connection was cut
    hit: bool


@dataclass
class Customer:
    """Customer who browses, signs up, buys and raises a price, round after round."""

    url: str
    product: int
    stop: threading.Event
    outcomes: list[Outcome] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)
    price: int = 1
    rounds: int = 0
    """Rounds in which every request succeeded."""
    malformed: list[Response] = field(default_factory=list)

    def run(self) -> None:
        with Caller(self.url) as self.call:
            for number in itertools.count(2):
                if self.stop.is_set():
                    return
                if all([self.browse(), self.sign_up(number), self.buy(), self.raise_price(number)]):
                    self.rounds += 1

    def browse(self) -> bool:
        paths = "/categories", "/products", f"/products/{self.product}", "/orders?sort=-id_key&limit=10"
        answers = [self.ask("GET", path) for path in paths]
        return all(answers)

    def sign_up(self, number: int) -> bool:
        email = f"john{number}@{self.product}.example.com"
        answer = self.ask("POST", "/clients", {"name": "John", "lastname": "Doe", "email": email})
        if answer:
            self.clients.add(answer.json()["id_key"])
        return bool(answer)

    def buy(self) -> bool:
        if not self.clients:
            return False
        items = [{"product_id": self.product, "quantity": 1}]
        order = {"client_id": max(self.clients), "delivery_method": 1, "payment_type": "cash", "items": items}
        answer = self.ask("POST", "/orders/checkout", order)
        if answer:
            self.orders.add(answer.json()["order"]["id_key"])
        return bool(answer)

    def raise_price(self, number: int) -> bool:
        answer = self.ask("PATCH", f"/products/{self.product}", {"price": number})
        if answer:
            self.price = number
        return bool(answer)

    def ask(self, method: str, path: str, body: Object | None = None) -> Response | None:
        """Send a request and record its outcome; return the response if it succeeded."""
        sent_at = monotonic()
        try:
            answer = self.call(method, path, body, Origin="https://shop.example")
        except (ConnectionError, http.client.HTTPException):
            self.record(Outcome(sent_at, monotonic() - sent_at, None, False))
            return None
        hit = answer.headers["X-Cache-Hit"] == "true"
        self.record(Outcome(sent_at, monotonic() - sent_at, answer.status, hit))
        is_complete = answer.headers["X-Request-ID"] and answer.headers["Access-Control-Allow-Origin"]
        if not is_complete or (answer.status == 503 and not answer.headers["Retry-After"]):
            self.malformed.append(answer)
        return answer if answer.status in (200, 201) else None

    def record(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if outcome.status in (None, 503):
            self.stop.wait(0.02)


@dataclass
class Load:
    customers: list[Customer]

    def outcomes(self) -> list[Outcome]:
        return [outcome for customer in self.customers for outcome in customer.outcomes]

    def statuses(self) -> Counter[int | None]:
        return Counter(outcome.status for outcome in self.outcomes())

    def wait_for_success(self, seconds: float = 30) -> None:
        """Wait until every customer has two more successful rounds: the first may have begun before this call."""
        wanted = [(customer, customer.rounds + 2) for customer in self.customers]
        until(lambda: all(customer.rounds >= rounds for customer, rounds in wanted), seconds)

    def wait_for_hits(self, more: int, seconds: float = 30) -> None:
        """Wait for `more` further responses from the cache."""
        wanted = sum(outcome.hit for outcome in self.outcomes()) + more
        until(lambda: sum(outcome.hit for outcome in self.outcomes()) >= wanted, seconds)

    def wait_for_failures(self) -> None:
        """Wait until each customer has one more failed request."""
        wanted = [(customer, _failures(customer) + 1) for customer in self.customers]
        until(lambda: all(_failures(customer) >= failures for customer, failures in wanted), 40)


def _failures(customer: Customer) -> int:
    return sum(outcome.status in (None, 503) for outcome in customer.outcomes)


@contextmanager
def under_load(url: str) -> Iterator[Load]:
    """Yield once all customers succeed; afterwards stop them and check that every response was complete."""
    category = ask(url, "POST", "/categories", {"name": f"Load {monotonic()}"}).json()["id_key"]
    new = {"name": "Laptop", "price": 1, "stock": STOCK, "category_id": category}
    products = [ask(url, "POST", "/products", new).json()["id_key"] for _ in range(CUSTOMERS)]
    stop = threading.Event()
    load = Load([Customer(url, product, stop) for product in products])
    with ThreadPoolExecutor(CUSTOMERS) as threads:
        running = [threads.submit(customer.run) for customer in load.customers]
        try:
            load.wait_for_success()
            yield load
        finally:
            stop.set()
        for one in running:
            one.result()
    malformed = [answer for customer in load.customers for answer in customer.malformed]
    assert not malformed, [(answer.status, str(answer.headers), answer.body) for answer in malformed]
