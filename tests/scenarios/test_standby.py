"""PostgreSQL with a standby: no read is stale, whatever the address of the database leads to meanwhile."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from infrastructure.redis.availability.membership import ROOT_STAMP
from services.caching.database_watch import DATABASE
from tests.pgbouncer import PROGRAM, pgbouncer
from tests.proxy import Proxy
from tests.redis_links import address_of
from tests.replication import Standby, run
from tests.servers import App, address, kill, postgres_server, running_app, until, valkey_server

pytestmark = pytest.mark.long

RECOVERY_SECONDS = 45
VARIANTS = 40
UNAVAILABLE = "the database is unavailable"
NAMES = "direct", "pooled"  # of the instances, and of their sessions in PostgreSQL
QUICK = "server_login_retry = 1"  # PgBouncer waits for 15 s after a failed attempt unless told otherwise
ENVIRONMENT = {
    "LIMIT_MAX_REQUESTS": "0",
    "LOG_TO_FILE": "false",
    "AUDIT_INTERVAL": "3600",
    "PAYMENT_SWEEP_INTERVAL": "3600",
}


@dataclass
class Instance:
    """An instance of the service with two workers."""

    app: App

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.app.url}{path}", timeout=20)

    def write(self, path: str, **body: Any) -> httpx2.Response:
        method = httpx2.patch if re.search(r"\d$", path) else httpx2.post
        return method(f"{self.app.url}{path}", json=body, timeout=20)

    def prices(self, product: str, workers: ThreadPoolExecutor) -> set[float | None]:
        """Return all prices of the first product that cached and uncached reads find; None stands for a 503."""
        return set(workers.map(self.price, [product, *(f"/products?limit={limit}" for limit in range(1, VARIANTS))]))

    def price(self, path: str) -> float | None:
        response = self.get(path)
        if response.status_code == 503:
            return None
        body = response.raise_for_status().json()
        return float((body[0] if isinstance(body, list) else body)["price"])

    def count(self, text: str) -> int:
        """Return how often the log has this text."""
        return self.app.log.read_text().count(text)

    def is_over_outages(self, product: str, workers: ThreadPoolExecutor) -> bool:
        """Read, because an answer ends an outage. Return True if all outages have ended."""
        self.prices(product, workers)
        return self.count(UNAVAILABLE) == self.count("the database is available again")


@dataclass
class Site:
    """Two instances that reach the primary by a path each. The second uses PgBouncer, too."""

    primary: PostgresServer
    paths: list[Proxy]
    valkey: ValkeyServer
    instances: list[Instance]
    product: str = ""

    def lead_to(self, server: PostgresServer) -> None:
        for path in self.paths:
            path.lead_to(server.port)

    def write_price(self, price: float) -> None:
        assert self.instances[0].write(self.product, price=price).status_code == 200

    def redis(self, key: str) -> bytes | None:
        with redis_client(address_of(self.valkey)) as client:
            keys: Any = client.keys(f"*:{key}")
            return client.get(keys[0]) if keys else None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        primary = stack.enter_context(postgres_server(folder / "primary"))
        valkey = stack.enter_context(valkey_server(folder / "valkey"))
        paths = [stack.enter_context(Proxy(primary.port)) for _ in range(2 if PROGRAM else 1)]
        ports = [paths[0].port, *(stack.enter_context(pgbouncer(path.port, settings=QUICK)) for path in paths[1:])]
        environment = address(primary) | address(valkey) | ENVIRONMENT
        instances = []
        for name, port in zip(NAMES, ports, strict=False):
            (folder / name).mkdir()
            own = {"POSTGRES_PORT": str(port), "OTEL_SERVICE_NAME": name}
            instances.append(Instance(stack.enter_context(running_app(folder / name, environment | own))))
        site = Site(primary, paths, valkey, instances)
        category = instances[0].write("/categories", name="Toys").json()["id_key"]
        made = instances[0].write("/products", name="Ball", price=1, stock=1, category_id=category)
        site.product = made.headers["Location"]
        yield site
        if isinstance(site.primary, Standby):
            site.primary.stop()


@pytest.fixture
def standby(site: Site, tmp_path: Path) -> Iterator[Standby]:
    """Yield a standby of the primary. It stays if it has become the primary itself."""
    standby = Standby(site.primary, tmp_path / "standby")
    standby.start()
    yield standby
    if site.primary is not standby:
        standby.stop()


def test_lagging_standby_behind_the_address_is_never_read(site: Site, standby: Standby) -> None:
    """Lead to the standby and back while nothing but reads is under way."""
    site.write_price(1)
    with ThreadPoolExecutor(8) as workers:
        standby.pause()
        site.write_price(2)
        stamp = until(lambda: site.instances[0].price(site.product) and site.redis(ROOT_STAMP))
        site.lead_to(standby)
        for instance in site.instances:
            found = set[float | None]()
            for _ in range(3):
                found |= instance.prices(site.product, workers)
            assert found <= {2, None}
            assert None in found, "a read that no cached response answers"
        site.lead_to(site.primary)
        for instance in site.instances:
            recovers(instance, site.product, 2)
        assert site.redis(ROOT_STAMP) == stamp, "the same server, so the cache stays"


def recovers(instance: Instance, product: str, price: float) -> None:
    """Wait until all reads find this price."""
    with ThreadPoolExecutor(8) as workers:
        until(lambda: instance.prices(product, workers) == {price}, RECOVERY_SECONDS)


def test_failover_that_loses_writes_empties_the_cache(site: Site, standby: Standby) -> None:
    """Read only: no write could notice the new server."""
    site.write_price(1)
    before = until(lambda: site.redis(DATABASE)) or b""
    timeline = int(before.rpartition(b"/")[2], 16)
    said = [instance.count("the database has failed over") for instance in site.instances]
    standby.disconnect()
    site.write_price(2)
    for instance in site.instances:
        until(lambda instance=instance: instance.get(site.product).headers["X-Cache-Hit"] == "true")  # type: ignore[misc] # a default
    kill(site.primary)
    assert [instance.price(site.product) for instance in site.instances] == [2] * len(site.instances)
    standby.promote()
    site.primary = standby
    site.lead_to(standby)
    for instance in site.instances:
        recovers(instance, site.product, 1)
    after = before.replace(b"/%08X" % timeline, b"/%08X" % (timeline + 1))
    until(lambda: site.redis(DATABASE) == after, RECOVERY_SECONDS)
    site.write_price(3)
    for instance, lines in zip(site.instances, said, strict=True):
        assert instance.price(site.product) == 3
        assert 1 <= instance.count("the database has failed over") - lines <= 2, "once for each worker"


def test_silently_cut_connections_are_replaced(site: Site) -> None:
    """Expect answers soon, and no forgotten session on the server."""
    [instance, *_] = site.instances
    sessions = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'direct'"

    def write(number: int) -> int:
        return instance.write(site.product, price=1 + number % 2).status_code

    with ThreadPoolExecutor(20) as workers:
        assert set(workers.map(write, range(40))) == {200}
        old = run(site.primary, sessions)
        site.paths[0].cut()
        until(lambda: set(workers.map(write, range(20))) == {200}, RECOVERY_SECONDS)
        site.write_price(1)
        recovers(instance, site.product, 1)
        left = f"SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(ARRAY{old})"
        until(lambda: run(site.primary, left) == 0, RECOVERY_SECONDS)


def test_commits_that_wait_for_a_standby_occupy_few_connections(site: Site) -> None:
    [instance, *_] = site.instances
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query !~ 'publish_events'"
    products = "SELECT count(*) FROM products"
    category = run(site.primary, "SELECT min(id_key) FROM categories")
    before = run(site.primary, products)

    def write(number: int) -> int:
        new = {"name": f"Ball {number}", "price": 1, "stock": 1, "category_id": category}
        return instance.write("/products", **new).status_code

    with ThreadPoolExecutor(60) as workers:
        until(lambda: instance.is_over_outages(site.product, workers))
        said = instance.count(UNAVAILABLE)
        run(site.primary, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        run(site.primary, "SELECT pg_reload_conf()")
        assert set(workers.map(write, range(60))) == {503}
        held = run(site.primary, waiting)
        assert 1 <= held <= 2 * 7, "not more than the two workers have connections for single writes"
        assert set(workers.map(write, range(60, 90))) == {503}
        assert run(site.primary, waiting) == held
        assert instance.get(site.product).status_code == 200
        assert len(instance.get("/products?limit=100").json()) == before
        run(site.primary, "ALTER SYSTEM RESET synchronous_standby_names")
        run(site.primary, "SELECT pg_reload_conf()")
        until(lambda: write(1000) == 201, RECOVERY_SECONDS)
        stored = run(site.primary, products)
        assert stored == before + 1 + held
        until(lambda: len(instance.get("/products?limit=100").json()) == stored, 5)
    assert 1 <= instance.count(UNAVAILABLE) - said <= 2, "once for each worker"
