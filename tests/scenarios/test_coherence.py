"""Coherence of the cache over two workers and outages of Redis: no read misses an earlier answered write."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx2
import pytest

from infrastructure.embedded.servers import ValkeyServer
from tests.servers import App, address, freeze, kill, postgres_server, running_app, thaw, until, valkey_server

READERS = 16
HITS_PER_PHASE = 300
LIMIT = 100


@dataclass
class Site:
    valkey: ValkeyServer
    app: App

    def health(self) -> str:
        return str(httpx2.get(f"{self.app.url}/health_check", timeout=5).json()["status"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("coherence")
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(folder / "postgres"))
        valkey = stack.enter_context(valkey_server(folder / "valkey"))
        environment = {
            "RATE_LIMIT_ENABLED": "true",
            "RATE_LIMIT_CALLS": str(LIMIT),
            "LIMIT_MAX_REQUESTS": "0",  # a starting worker empties the cache, and would hide stale entries
        }
        app = stack.enter_context(running_app(folder, address(postgres) | address(valkey) | environment))
        until(lambda: Site(valkey, app).health() == "healthy")
        yield Site(valkey, app)


@dataclass
class Race:
    """Race of a writer, raising a price, and many readers, comparing it with the last answered price."""

    url: str
    product: str
    answered: int = 1
    stale: list[tuple[int, int]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=20)

    def headers(self) -> dict[str, str]:
        """Return a client address of its own for each request, so that the rate limiter admits all requests."""
        number = next(self.numbers)
        return {"X-Forwarded-For": f"203.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    def write(self) -> None:
        with self.client() as client:
            for price in itertools.count(2):
                if self.stop.is_set():
                    return
                answer = client.patch(self.product, json={"price": price}, headers=self.headers())
                self.statuses[answer.status_code] += 1
                self.answered = price

    def read(self) -> None:
        paths = itertools.cycle([self.product, "/products", "/products?skip=0&limit=10", "/products?sort=-price"])
        with self.client() as client:
            while not self.stop.is_set():
                before = self.answered
                answer = client.get(next(paths), headers=self.headers())
                self.statuses[answer.status_code] += 1
                self.seen[answer.headers["X-Cache-Hit"]] += 1
                body = answer.json()
                price = (body[0] if isinstance(body, list) else body)["price"]
                if price < before:
                    self.stale.append((before, price))


def run_race(site: Site, disturb: Callable[[Race], None]) -> Race:
    with httpx2.Client(base_url=site.app.url) as client:
        category = client.post("/categories", json={"name": disturb.__name__}).json()["id_key"]
        product = client.post("/products", json={"name": "Laptop", "price": 1, "category_id": category})
        running = Race(site.app.url, product.headers["Location"])
        with ThreadPoolExecutor(READERS + 1) as threads:
            ended = [threads.submit(running.write), *(threads.submit(running.read) for _ in range(READERS))]
            try:
                disturb(running)
            finally:
                running.stop.set()
            for one in ended:
                one.result()
        client.delete(product.headers["Location"])
    assert running.stale == []
    assert set(running.statuses) == {200}
    return running


def wait_for_hits(running: Race) -> None:
    wanted = running.seen["true"] + HITS_PER_PHASE
    until(lambda: running.seen["true"] >= wanted, 60)


def wait_for_writes(running: Race) -> None:
    wanted = running.answered + 20
    until(lambda: running.answered >= wanted, 60)


def count_unlimited(site: Site) -> int:
    """Return the number of requests admitted without Redis, for example by a worker that has just started."""
    metrics = httpx2.get(f"{site.app.url}/metrics", timeout=20).text
    [count] = re.findall(r"^rate_limit_unavailable_total (\d+)", metrics, re.MULTILINE)
    return int(count)


def test_concurrent_requests_are_limited_exactly(site: Site) -> None:
    """Run first: the other tests stop Redis, and its counts are lost."""
    headers = {"X-Forwarded-For": "198.51.100.7"}
    with httpx2.Client(base_url=site.app.url, timeout=20) as client, ThreadPoolExecutor(40) as threads:
        statuses = Counter(threads.map(lambda _: client.get("/categories", headers=headers).status_code, range(400)))
    assert set(statuses) == {200, 429}
    until(lambda: statuses[200] == LIMIT + count_unlimited(site), 10)  # each worker publishes its metrics periodically


def test_reads_are_never_stale_without_outages(site: Site) -> None:
    def undisturbed(running: Race) -> None:
        for _ in range(5):
            wait_for_hits(running)

    assert run_race(site, undisturbed).answered > 1


def test_redis_is_killed_and_comes_back_empty(site: Site) -> None:
    def killed(running: Race) -> None:
        for _ in range(3):
            wait_for_hits(running)
            kill(site.valkey)
            wait_for_writes(running)
            until(lambda: site.health() == "degraded", 5)  # a health check is reused for one second
            site.valkey.start()
            until(lambda: site.health() == "healthy", 5)

        wait_for_hits(running)

    run_race(site, killed)


def test_reads_are_never_stale_while_redis_is_frozen(site: Site) -> None:
    def frozen(running: Race) -> None:
        for _ in range(3):
            wait_for_hits(running)
            freeze(site.valkey)
            wait_for_writes(running)
            thaw(site.valkey)
            until(lambda: site.health() == "healthy", 5)

        wait_for_hits(running)

    run_race(site, frozen)
