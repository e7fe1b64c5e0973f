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
from infrastructure.redis.membership import ROOT_STAMP
from services.caching.database_watch import DATABASE
from tests.pgbouncer import pgbouncer
from tests.proxy import Proxy
from tests.redis_links import address_of
from tests.replication import Standby, run, standby_of
from tests.servers import App, address, kill, postgres_server, running_app, until, valkey_server

RECOVERY_SECONDS = 45  # about 5, but PgBouncer makes no attempt for 15 after a failed one (server_login_retry)
VARIANTS = 40


@dataclass
class Site:
    """A service that reaches its database by `path`, which leads to the primary."""

    primary: PostgresServer
    path: Proxy
    valkey: ValkeyServer
    app: App

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.app.url}{path}", timeout=20)

    def write(self, path: str, **body: Any) -> int:
        method = httpx2.patch if re.search(r"\d$", path) else httpx2.post
        return method(f"{self.app.url}{path}", json=body, timeout=20).status_code

    def prices(self, workers: ThreadPoolExecutor) -> set[float | None]:
        """Return all prices of the product that cached and uncached reads find; None stands for a 503."""
        paths = ["/products/1", *(f"/products?limit={limit}" for limit in range(1, VARIANTS))]
        return set(workers.map(self.price, paths))

    def price(self, path: str = "/products/1") -> float | None:
        response = self.get(path)
        if response.status_code == 503:
            return None
        body = response.raise_for_status().json()
        return float((body[0] if isinstance(body, list) else body)["price"])

    def redis(self, key: str) -> bytes | None:
        with redis_client(address_of(self.valkey)) as client:
            keys: Any = client.keys(f"*:{key}")
            return client.get(keys[0]) if keys else None

    def count(self, text: str) -> int:
        return self.app.log.read_text().count(text)


@pytest.fixture(params=["direct", "transaction"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        primary = stack.enter_context(postgres_server(tmp_path / "primary"))
        valkey = stack.enter_context(valkey_server(tmp_path / "valkey"))
        path = stack.enter_context(Proxy(primary.port))
        port = path.port
        if request.param != "direct":
            port = stack.enter_context(pgbouncer(port, request.param))
        environment = address(primary) | address(valkey) | {"POSTGRES_PORT": str(port)}
        environment |= {"LIMIT_MAX_REQUESTS": "0", "LOG_TO_FILE": "false"}
        app = stack.enter_context(running_app(tmp_path, environment))
        site = Site(primary, path, valkey, app)
        assert site.write("/categories", name="Toys") == 201
        assert site.write("/products", name="Ball", price=1, stock=1, category_id=1) == 201
        yield site


@pytest.fixture
def standby(site: Site, tmp_path: Path) -> Iterator[Standby]:
    with standby_of(site.primary, tmp_path / "standby") as standby:
        yield standby


def test_lagging_standby_behind_the_address_is_never_read(site: Site, standby: Standby) -> None:
    """Lead to the standby and back while nothing but reads is under way."""
    with ThreadPoolExecutor(8) as workers:
        standby.pause()
        assert site.write("/products/1", price=2) == 200
        stamp = until(lambda: site.price() and site.redis(ROOT_STAMP))
        site.path.lead_to(standby.port)
        found = set[float | None]()
        for _ in range(3):
            found |= site.prices(workers)
        assert found <= {2, None}
        assert None in found, "a read that no cached response answers"
        site.path.lead_to(site.primary.port)
        until(lambda: site.prices(workers) == {2}, RECOVERY_SECONDS)
        assert site.redis(ROOT_STAMP) == stamp, "the same server, so the cache stays"


def test_failover_that_loses_writes_empties_the_cache(site: Site, standby: Standby) -> None:
    """Read only: no write could notice the new server."""
    before = until(lambda: site.redis(DATABASE)) or b""
    standby.disconnect()
    assert site.write("/products/1", price=2) == 200
    until(lambda: site.get("/products/1").headers["X-Cache-Hit"] == "true")
    kill(site.primary)
    assert site.price() == 2
    standby.promote()
    site.path.lead_to(standby.port)
    until(lambda: site.price() == 1, RECOVERY_SECONDS)
    with ThreadPoolExecutor(8) as workers:
        until(lambda: site.prices(workers) == {1}, RECOVERY_SECONDS)
    until(lambda: site.redis(DATABASE) == before.replace(b"/00000001", b"/00000002"), RECOVERY_SECONDS)
    assert site.write("/products/1", price=3) == 200
    assert site.price() == 3
    assert 1 <= site.count("the database has failed over") <= 2, "once for each worker"


@pytest.mark.parametrize("site", ["direct"], indirect=True)
def test_silently_cut_connections_are_replaced(site: Site) -> None:
    """Expect answers soon, and no forgotten session on the server."""
    sessions = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'ecommerce-api'"
    with ThreadPoolExecutor(20) as workers:
        assert set(workers.map(site.write, ["/products/1"] * 40)) == {200}
        assert site.prices(workers) == {1}
        old = run(site.primary, sessions)
        site.path.cut()
        until(lambda: set(workers.map(site.write, ["/products/1"] * 20)) == {200}, RECOVERY_SECONDS)
        until(lambda: site.prices(workers) == {1}, RECOVERY_SECONDS)
        left = f"SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(ARRAY{old})"
        until(lambda: run(site.primary, left) == 0, RECOVERY_SECONDS)


@pytest.mark.parametrize("site", ["direct"], indirect=True)
def test_commits_that_wait_for_a_standby_occupy_few_connections(site: Site) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query !~ 'publish_events'"

    def write(number: int) -> int:
        return site.write("/products", name=f"Ball {number}", price=1, stock=1, category_id=1)

    with ThreadPoolExecutor(60) as workers:
        run(site.primary, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        run(site.primary, "SELECT pg_reload_conf()")
        assert set(workers.map(write, range(60))) == {503}
        held = run(site.primary, waiting)
        assert 1 <= held <= 2 * 7, "not more than the two workers have connections for single writes"
        assert set(workers.map(write, range(60, 90))) == {503}
        assert run(site.primary, waiting) == held
        assert site.price() == 1
        assert len(site.get("/products?limit=100").json()) == 1
        run(site.primary, "ALTER SYSTEM RESET synchronous_standby_names")
        run(site.primary, "SELECT pg_reload_conf()")
        until(lambda: write(1000) == 201, RECOVERY_SECONDS)
        stored = run(site.primary, "SELECT count(*) FROM products")
        assert stored == 2 + held
        until(lambda: len(site.get("/products?limit=100").json()) == stored, 5)
    assert 1 <= site.count("the database is unavailable") <= 2, "once for each worker"
