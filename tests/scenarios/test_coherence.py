"""Coherence of the cache over workers that come, go and die, and outages of Redis.

No read misses an earlier answered write.
"""

import itertools
import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.availability.membership import ROOT_STAMP
from tests.redis_links import address_of
from tests.servers import ROOT, App, address, freeze, kill, postgres_server, running_app, thaw, until, valkey_server

READERS = 12
PAUSE_SECONDS = 0.005  # of each reader, so that servers and elections get enough of the processor
LONG_NAME = "A product with a long name, so that lists of ten are long enough to be compressed. " * 2
HITS_PER_PHASE = 300
LIMIT = 100
KILLS = 5
STALE_SECONDS = 10  # the longest time in which the unanswered write of a killed worker is not read


numbers = itertools.count(1)


def new_address() -> dict[str, str]:
    """Return headers with a client address of their own, so that the rate limiter admits the request."""
    number = next(numbers)
    return {"X-Forwarded-For": f"203.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


@dataclass
class Site:
    """The servers, an application with two workers, and the settings for another application beside it."""

    valkey: ValkeyServer
    app: App
    environment: dict[str, str]

    def another_app(self, folder: Path, script: Path = ROOT / "run_production.py") -> AbstractContextManager[App]:
        """Start another instance, with one worker."""
        environment = {"UVICORN_WORKERS": "1", "RATE_LIMIT_ENABLED": "false", "PYTHONPATH": str(ROOT)}
        return running_app(folder, self.environment | environment, script)

    def root_stamp(self) -> bytes | None:
        with redis_client(address_of(self.valkey)) as client:
            keys: Any = client.keys(f"*:{ROOT_STAMP}")  # the prefix is that of the only shop
            return client.get(keys[0]) if keys else None

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
            "LIMIT_MAX_REQUESTS": "0",
        }
        environment |= address(postgres) | address(valkey)
        site = Site(valkey, stack.enter_context(running_app(folder, environment)), environment)
        until(lambda: site.health() == "healthy")
        yield site


@dataclass
class Race:
    """Race of a writer, raising a price, and many readers, comparing it with the last answered price."""

    urls: Sequence[str]
    product: str
    answered: int = 1
    stale: list[tuple[int, int]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    """Hits by their content coding."""
    statuses: Counter[int] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    """Requests without a response, because their worker was killed."""
    stop: threading.Event = field(default_factory=threading.Event)

    codings: Iterator[str] = field(default_factory=lambda: itertools.cycle(["identity", "gzip", "zstd"]))

    def client(self) -> httpx2.Client:
        """Return a client. A third of them reads each form of the lists: plain, and compressed in two ways."""
        headers = {"Accept-Encoding": next(self.codings)}
        return httpx2.Client(base_url=random.choice(self.urls), timeout=20, headers=headers)

    def write(self) -> None:
        with self.client() as client:
            for price in itertools.count(2):
                if self.stop.is_set():
                    return
                try:
                    answer = client.patch(self.product, json={"price": price}, headers=new_address())
                except httpx2.TransportError:
                    self.lost["write"] += 1
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    self.answered = price

    def read(self) -> None:
        paths = itertools.cycle([self.product, "/products", "/products?skip=0&limit=10", "/products?sort=-price"])
        with self.client() as client:
            while not self.stop.wait(PAUSE_SECONDS):
                before = self.answered
                try:
                    answer = client.get(next(paths), headers=new_address())
                except httpx2.TransportError:
                    self.lost["read"] += 1
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code != 200:
                    continue
                hit = answer.headers["X-Cache-Hit"]
                self.seen[hit] += 1
                self.hits[answer.headers.get("Content-Encoding", "plain")] += hit == "true"
                body = answer.json()
                price = (body[0] if isinstance(body, list) else body)["price"]
                if price < before:
                    self.stale.append((before, price))


def run_race(site: Site, disturb: Callable[[Race], None]) -> Race:
    running = race([site.app.url], disturb)
    assert set(running.statuses) == {200}
    return running


def race(urls: Sequence[str], disturb: Callable[[Race], None]) -> Race:
    """Run a race at these instances until `disturb` returns. Fail if a read was stale."""
    with httpx2.Client(base_url=urls[0], headers=new_address()) as client:
        category = client.post("/categories", json={"name": disturb.__name__}).json()["id_key"]
        product = client.post("/products", json={"name": "Laptop", "price": 1, "category_id": category})
        filler = {"name": LONG_NAME, "price": 0.01, "category_id": category}
        others = [client.post("/products", json=filler).headers["Location"] for _ in range(9)]
        running = Race(urls, product.headers["Location"])
        with ThreadPoolExecutor(READERS + 1) as threads:
            ended = [threads.submit(running.write), *(threads.submit(running.read) for _ in range(READERS))]
            try:
                disturb(running)
            finally:
                running.stop.set()
            for one in ended:
                one.result()
        for location in (product.headers["Location"], *others):
            client.delete(location)
    assert running.stale == []
    assert not running.lost or disturb.__name__ == "turnover"
    return running


def wait_for_hits(running: Race) -> None:
    wanted = running.seen["true"] + HITS_PER_PHASE
    until(lambda: running.seen["true"] >= wanted, 60)


def wait_for_writes(running: Race) -> None:
    wanted = running.answered + 20
    until(lambda: running.answered >= wanted, 60)


def count_local(site: Site) -> int:
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
    until(
        lambda: LIMIT <= statuses[200] <= LIMIT + count_local(site), 10
    )  # each worker publishes its metrics periodically


def test_reads_are_never_stale_without_outages(site: Site) -> None:
    def undisturbed(running: Race) -> None:
        for _ in range(5):
            wait_for_hits(running)

    race = run_race(site, undisturbed)
    assert race.answered > 1
    assert race.hits.keys() == {"plain", "gzip", "zstd"}
    assert all(race.hits.values())


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


def test_workers_that_start_stop_and_are_replaced_drop_nothing(site: Site, tmp_path: Path) -> None:
    paths = "/products", "/products?skip=0&limit=10", "/categories"

    def is_hit(app: App, path: str) -> bool:
        return httpx2.get(f"{app.url}{path}", headers=new_address()).headers["X-Cache-Hit"] == "true"

    def all_hit(app: App) -> bool:
        return all(is_hit(app, path) for path in paths)

    until(lambda: all_hit(site.app))
    before = site.root_stamp()
    assert before
    with site.another_app(tmp_path) as third:
        assert all_hit(third), "the first requests of a new worker find the entries of the others"
        [worker, *_] = workers = until(lambda: both_workers(site.app))
        os.kill(worker, signal.SIGTERM)
        until(lambda: starts(site.app) > len(workers) and worker not in site.app.workers())
        assert third.stop() == 0
    assert all_hit(site.app)
    assert site.root_stamp() == before


def test_unanswered_write_of_a_killed_worker_is_read_in_time(site: Site, tmp_path: Path) -> None:
    url = site.app.url
    where = httpx2.post(f"{url}/categories", json={"name": "Before"}, headers=new_address()).headers["Location"]

    def read() -> httpx2.Response:
        return httpx2.get(f"{url}{where}", headers=new_address()).raise_for_status()

    until(lambda: read().headers["X-Cache-Hit"] == "true")
    with site.another_app(tmp_path, Path(__file__).parent / "dying_worker.py") as dying:
        with pytest.raises(httpx2.TransportError):
            httpx2.patch(f"{dying.url}{where}", json={"name": "After"})
        until(lambda: read().json()["name"] == "After", STALE_SECONDS)


def test_reads_are_never_stale_while_workers_are_replaced_and_killed(site: Site) -> None:
    def turnover(running: Race) -> None:
        for _ in range(KILLS):
            wait_for_hits(running)
            wait_for_writes(running)
            leaving, dying = random.sample(until(lambda: both_workers(site.app)), 2)
            os.kill(leaving, signal.SIGTERM)
            running.stop.wait(1)
            os.kill(dying, signal.SIGKILL)

        wait_for_hits(running)

    run_race(site, turnover)


def both_workers(app: App) -> list[int]:
    workers = app.workers()
    return workers if len(workers) == 2 else []


def starts(app: App) -> int:
    """Return the number of workers that have started so far."""
    return app.log.read_text().count("Application startup complete")
