"""Load test of the shop with Locust: `make load`, or `locust -f load_test.py --host http://127.0.0.1:8000` for its UI.

A user waits THINK_MIN to THINK_MAX seconds (1 to 3) after each response, so 400 users send at most about 200 requests/s
to a server of any speed. Lower the two for more. Each user has its own client address, like users behind a proxy; the
server accepts that only from its TRUSTED_PROXIES. The exit code is 1 if a target is missed.
"""

import itertools
import json
import os
import random
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from locust import FastHttpUser, between, events, task
from locust.env import Environment
from locust.runners import WorkerRunner

THINK_MIN = float(os.environ.get("THINK_MIN", "1"))
THINK_MAX = float(os.environ.get("THINK_MAX", "3"))
RESULT = os.environ.get("LOAD_RESULT")  # file for the figures, for `make load`
USERS_PER_PROCESS = 16_384
PERCENTILE_TARGETS_MS = {0.5: 50, 0.95: 200, 0.99: 500}
HIT_RATE_TARGET = 60
PAGES = (0, 0, 0, 0, 0, 0, 0, 10, 10, 20)  # most users look at the first page, few beyond the third
SOLD_OUT = "Insufficient stock"


class Outcome(NamedTuple):
    """A measured value and its target."""

    what: str
    measured: float
    target: str
    is_met: bool


class Catalogue:
    """Keys of the products and clients, and the cache counters, all read once at the start."""

    products: list[int]
    clients: list[int]
    cache: tuple[int, int]


_numbers = itertools.count(1)
_random = random.Random()  # noqa: S311 # shoppers, not secrets


class Shopper(FastHttpUser):
    """A user with the task mix of a shop. The numbers are weights."""

    wait_time = between(THINK_MIN, THINK_MAX)

    def __init__(self, environment: Environment) -> None:
        self.default_headers = {"X-Forwarded-For": address(environment, next(_numbers))}
        super().__init__(environment)

    @task(40)
    def list_products(self) -> None:
        self.client.get(f"/products?skip={_random.choice(PAGES)}&limit=10", name="GET /products")

    @task(25)
    def look_at_product(self) -> None:
        self.client.get(f"/products/{popular_product()}", name="GET /products/{id}")

    @task(15)
    def list_categories(self) -> None:
        self.client.get("/categories", name="GET /categories")

    @task(10)
    def list_clients(self) -> None:
        self.client.get("/clients?skip=0&limit=10", name="GET /clients")

    @task(5)
    def sign_up(self) -> None:
        new = {"name": "Jo", "lastname": "Doe", "email": f"jo.{uuid.uuid4().hex}@example.com"}
        self.client.post("/clients", json=new, name="POST /clients")

    @task(5)
    def check_out(self) -> None:
        """Order up to three products. A 400 for a sold-out product counts as a success."""
        products = {popular_product() for _ in range(_random.choice((1, 1, 2, 3)))}
        order = {
            "client_id": _random.choice(Catalogue.clients),
            "delivery_method": 3,
            "payment_type": "card",
            "items": [{"product_id": product, "quantity": 1} for product in sorted(products)],
        }
        path = "/orders/checkout"
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        with self.client.post(path, json=order, headers=headers, name=f"POST {path}", catch_response=True) as response:
            if response.status_code == 400 and SOLD_OUT in (response.text or ""):
                response.success()


def popular_product() -> int:
    """Return a product key. A few products are far more popular than the rest."""
    products = Catalogue.products
    return products[int(len(products) * _random.random() ** 2)]


def address(environment: Environment, number: int) -> str:
    """Return an address in 198.18.0.0/15, the range for benchmarks (RFC 2544)."""
    index = getattr(environment.runner, "worker_index", 0)
    high, low = divmod((number + index * USERS_PER_PROCESS) % (1 << 17), 256)
    return f"198.{18 + high // 256}.{high % 256}.{low}"


def read_catalogue(environment: Environment, **_: Any) -> None:
    Catalogue.products = [item["id_key"] for item in get_json(environment, "/products?limit=100")]
    Catalogue.clients = [item["id_key"] for item in get_json(environment, "/clients?limit=1000")]
    if not (Catalogue.products and Catalogue.clients):
        sys.exit("The shop is empty. Fill it first: make demo")
    Catalogue.cache = cache_counters(environment)


def report(environment: Environment, **_: Any) -> None:
    """Print the outcomes, set the exit code, and write the figures to RESULT."""
    if isinstance(environment.runner, WorkerRunner) or not environment.stats.total.num_requests:
        return
    outcomes = compare_to_targets(environment)
    sys.stdout.write("\n")
    for outcome in outcomes:
        mark = "met   " if outcome.is_met else "MISSED"
        sys.stdout.write(f"{mark} {outcome.what:<20} {outcome.measured:>10.1f}   target: {outcome.target}\n")
    sys.stdout.flush()
    environment.process_exit_code = 0 if all(outcome.is_met for outcome in outcomes) else 1
    if RESULT:
        total = environment.stats.total
        figures = {"requests": total.num_requests, "requests_a_second": total.total_rps}
        Path(RESULT).write_text(json.dumps(figures | {"outcomes": [outcome._asdict() for outcome in outcomes]}))


def compare_to_targets(environment: Environment) -> list[Outcome]:
    total = environment.stats.total
    outcomes = []
    for percentile, target in PERCENTILE_TARGETS_MS.items():
        measured = float(total.get_response_time_percentile(percentile))
        outcomes.append(Outcome(f"p{percentile * 100:.0f} ms", measured, f"< {target}", measured < target))
    errors = total.num_failures
    hits, misses = (now - before for now, before in zip(cache_counters(environment), Catalogue.cache, strict=True))
    rate = 100 * hits / max(1, hits + misses)
    outcomes.append(Outcome("errors", errors, "0", errors == 0))
    outcomes.append(Outcome("cache hit rate %", rate, f"> {HIT_RATE_TARGET}", rate > HIT_RATE_TARGET))
    return outcomes


def cache_counters(environment: Environment) -> tuple[int, int]:
    cache = get_json(environment, "/health_check")["checks"]["cache"]
    return cache["hits"], cache["misses"]


def get_json(environment: Environment, path: str) -> Any:
    url = f"{(environment.host or '').rstrip('/')}{path}"
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 # host given by the operator
            return json.load(response)
    except OSError as error:
        sys.exit(f"{url}: {error}")


events.test_start.add_listener(read_catalogue)  # type: ignore[no-untyped-call] # Locust's events are untyped
events.test_stop.add_listener(report)  # type: ignore[no-untyped-call]
