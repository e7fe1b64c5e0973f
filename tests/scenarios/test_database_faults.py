"""Whole application under load while servers and workers die, hang and return: no acknowledged write is lost."""

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from infrastructure.embedded.process import command_line
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from tests.load import STOCK, Load, ask, send_all, under_load
from tests.servers import (
    App,
    address,
    freeze,
    kill,
    postgres_server,
    restore,
    running_app,
    thaw,
    until,
    valkey_server,
)

HANGING = 40  # of each kind: more than the threads and connections of two workers
RECOVERY_SECONDS = 5
START_SECONDS = 30  # for a new worker on a busy machine
HEALTH_SECONDS = 3

Servers = tuple[PostgresServer, ValkeyServer]


@dataclass
class Site:
    postgres: PostgresServer
    valkey: ValkeyServer
    app: App

    def status(self, path: str) -> int:
        return ask(self.app.url, "GET", path, seconds=HEALTH_SECONDS).status

    def statuses(self, paths: list[str]) -> Counter[int]:
        """Send all requests at once and count their statuses."""
        with ThreadPoolExecutor(len(paths)) as threads:
            return Counter(threads.map(self.status, paths))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.postgres.connect("ecommerce_db")) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    @contextmanager
    def busy(self) -> Iterator[Load]:
        """Run load; afterwards check that every acknowledged write is stored and every status is expected."""
        before = self.app.log.read_text()
        with under_load(self.app.url) as load:
            yield load
        assert load.statuses().keys() <= {200, 201, 503, None}
        assert "Traceback" not in self.app.log.read_text().removeprefix(before)
        self.assert_stored(load)

    def assert_stored(self, load: Load) -> None:
        clients = {id_key for (id_key,) in self.rows("SELECT id_key FROM clients")}
        orders = {id_key for (id_key,) in self.rows("SELECT id_key FROM orders")}
        prices = dict(self.rows("SELECT id_key, price FROM products"))
        stock = dict(self.rows("SELECT id_key, stock FROM products"))
        sold = dict(self.rows("SELECT product_id, sum(quantity) FROM order_details GROUP BY 1"))
        for customer in load.customers:
            assert customer.clients <= clients
            assert customer.orders <= orders
            assert prices[customer.product] >= customer.price
            assert stock[customer.product] + sold[customer.product] == STOCK


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    with postgres_server(folder / "postgres") as postgres, valkey_server(folder / "valkey") as valkey:
        yield postgres, valkey


@pytest.fixture(autouse=True)
def restored(servers: Servers) -> Iterator[None]:
    """Restore the servers after each test, so that a failed test does not affect the next one."""
    yield
    for server in servers:
        restore(server)


@contextmanager
def running_site(folder: Path, servers: Servers) -> Iterator[Site]:
    environment = address(servers[0]) | address(servers[1]) | {"LOG_TO_FILE": "false", "LIMIT_MAX_REQUESTS": "0"}
    with running_app(folder, environment) as app:
        yield Site(*servers, app)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Site]:
    """Yield the site that is shared by the tests which leave it running."""
    with running_site(tmp_path_factory.mktemp("app"), servers) as site:
        yield site


def test_recovery_after_postgres_is_killed(site: Site) -> None:
    with site.busy() as load:
        for _ in range(2):
            kill(site.postgres)
            load.wait_for_failures()
            until(lambda: site.status("/health_check") == 500)
            until(lambda: site.status("/health_check/ready") == 503)
            assert site.status("/health_check/live") == 200
            site.postgres.start()
            load.wait_for_success(RECOVERY_SECONDS)
    assert load.statuses()[None] == 0
    until(lambda: site.status("/health_check") == 200)


def test_recovery_after_postgres_is_frozen(site: Site) -> None:
    new = ({"name": "John", "lastname": "Doe", "email": f"hanging{number}@example.com"} for number in range(HANGING))
    requests = [request for body in new for request in (("GET", "/orders", None), ("POST", "/clients", body))]
    with site.busy() as load:
        freeze(site.postgres)
        try:
            with send_all(site.app.url, requests) as hanging:
                # A worker reuses the result of a health check for one second.
                until(lambda: site.statuses(["/health_check", "/health_check/ready"] * 3) == {500: 3, 503: 3})
                assert site.status("/health_check/live") == 200
                assert Counter(caller.receive().status for caller in hanging) == {503: len(requests)}
            load.wait_for_failures()
        finally:
            thaw(site.postgres)
        load.wait_for_success(RECOVERY_SECONDS)
    assert load.statuses()[None] == 0
    until(lambda: site.status("/health_check") == 200)


def test_no_failures_while_redis_is_killed(site: Site) -> None:
    with site.busy() as load:
        for _ in range(2):
            load.wait_for_hits(50)
            kill(site.valkey)
            load.wait_for_success()
            site.valkey.start()
            load.wait_for_hits(50, RECOVERY_SECONDS)
    assert load.statuses().keys() == {200, 201}


def test_killed_worker_is_replaced(site: Site) -> None:
    """Kill a worker: only its own requests are cut, counters do not fall, and gauges forget its open requests."""
    with site.busy() as load, scraping(site.app.url) as scrapes:
        for _ in range(2):
            victim = site.app.workers()[0]
            os.kill(victim, signal.SIGKILL)
            until(partial(is_replaced, site.app, victim))
            load.wait_for_success(START_SECONDS)
            until(partial(has_grown, scrapes, len(scrapes) + 5))
    assert sum(count for series, count in scrapes[-1].items() if series.startswith("http_requests_total")) > 0
    for earlier, later in pairwise(scrapes):
        assert {series for series, count in earlier.items() if later.get(series, 0) < count} == set()
    idle = {"http_requests_in_progress": 1, "db_pool_connections_active": 0, "db_pool_utilization_percent": 0}
    until(lambda: idle.items() <= metrics(site.app.url).items())


def is_replaced(app: App, victim: int) -> bool:
    return len(app.workers()) == 2 and victim not in app.workers()


def has_grown(scrapes: list[dict[str, float]], size: int) -> bool:
    return len(scrapes) >= size


def metrics(url: str) -> dict[str, float]:
    lines = ask(url, "GET", "/metrics").body.decode().splitlines()
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@contextmanager
def scraping(url: str) -> Iterator[list[dict[str, float]]]:
    """Yield a growing list of scrapes of the counters, each from any worker."""
    scrapes: list[dict[str, float]] = []
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            with suppress(OSError, HTTPException):
                found = metrics(url)
                scrapes.append(
                    {name: value for name, value in found.items() if re.search("_(total|count|bucket)", name)}
                )

    with ThreadPoolExecutor(1) as threads:
        scraper = threads.submit(scrape)
        try:
            yield scrapes
        finally:
            stop.set()
        scraper.result()


def test_stop_under_load(tmp_path: Path, servers: Servers) -> None:
    with running_site(tmp_path, servers) as site:
        pids = site.app.processes()
        with site.busy() as load:
            assert site.app.stop() == 0
            load.wait_for_failures()
        until(lambda: not any(command_line(pid) for pid in pids))


def test_stop_while_postgres_hangs(tmp_path: Path, servers: Servers) -> None:
    with running_site(tmp_path, servers) as site:
        pids = site.app.processes()
        with site.busy() as load:
            freeze(site.postgres)
            try:
                assert site.app.stop() == 0
                load.wait_for_failures()
            finally:
                thaw(site.postgres)
        until(lambda: not any(command_line(pid) for pid in pids))
