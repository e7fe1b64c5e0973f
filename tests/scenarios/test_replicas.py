"""Read replicas that lag: callers read their own writes over two instances, and the cache stays coherent.

`REPLICA_SECONDS=60` runs the race of the callers for a minute; `--log-cli-level=INFO` shows the counts.
"""

import itertools
import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infrastructure.embedded.servers import PostgresServer
from tests.proxy import Proxy
from tests.replication import Standby, run, standby_of
from tests.scenarios.test_coherence import Race, new_address, race, wait_for_hits, wait_for_writes
from tests.servers import App, address, kill, postgres_server, running_app, until, valkey_server

pytestmark = pytest.mark.long

logger = logging.getLogger(__name__)

SECONDS = float(os.environ.get("REPLICA_SECONDS", "5"))
LAG_SECONDS = 3
CALLERS = 16
READS = 200


@dataclass
class Site:
    """Two instances with a worker each. They reach the primary by `path`."""

    primary: PostgresServer
    path: Proxy
    standbys: list[Standby]
    apps: list[App]

    @property
    def urls(self) -> list[str]:
        return [app.url for app in self.apps]

    def samples(self, name: str) -> Counter[str]:
        """Return the sums of a metric over both instances, by server."""
        sums = Counter[str]()
        for url in self.urls:
            for family in text_string_to_metric_families(httpx2.get(f"{url}/metrics", timeout=20).text):
                for sample in family.samples:
                    if sample.name == name:
                        sums[sample.labels["server"]] += sample.value  # type: ignore[assignment] # gauges are floats
        return sums

    def uses(self, standby: Standby) -> bool:
        return self.samples("db_replica_used")[f"127.0.0.1:{standby.port}"] == len(self.apps)


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        primary = stack.enter_context(postgres_server(folder / "primary"))
        valkey = stack.enter_context(valkey_server(folder / "valkey"))
        path = stack.enter_context(Proxy(primary.port))
        standbys = [stack.enter_context(standby_of(primary, folder / f"standby{number}")) for number in range(2)]
        environment = address(primary) | address(valkey) | {"POSTGRES_PORT": str(path.port)}
        environment |= {"UVICORN_WORKERS": "1", "LIMIT_MAX_REQUESTS": "0", "LOG_TO_FILE": "false"}
        environment["DATABASE_REPLICA_URLS"] = ",".join(f"postgresql://127.0.0.1:{one.port}" for one in standbys)
        apps = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            apps.append(stack.enter_context(running_app(folder / name, environment)))
        site = Site(primary, path, standbys, apps)
        until(lambda: all(map(site.uses, standbys)))
        yield site


@pytest.fixture(scope="module")
def lagging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("replicas")) as site:
        for standby in site.standbys:
            standby.delay(LAG_SECONDS)
        yield site


@dataclass
class Caller:
    """A caller that writes, and then compares its reads with what it has written, each at a random instance."""

    urls: list[str]
    stop: threading.Event
    checks: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def run(self) -> None:
        with httpx2.Client(headers=new_address(), timeout=20) as self.client:
            email = f"{random.getrandbits(64)}@example.com"
            made = self.send("POST", "/clients", {"name": "0", "lastname": "Caller", "email": email})
            client, key = made.headers["Location"], made.json()["id_key"]
            newest = f"{client}/addresses?sort=-id_key&limit=1"
            for number in itertools.count(1):
                changed = self.send("PATCH", client, {"name": str(number)}).status_code == 200
                added = self.send(
                    "POST", "/addresses", {"street": f"Street {number}", "city": "Here", "client_id": key}
                )
                end = monotonic() + random.uniform(0, 1.5 * LAG_SECONDS)
                while changed and added.status_code == 201 and monotonic() < end:
                    self.check(client, lambda body: body["name"], str(number))
                    self.check(f"/clients?email={email}", lambda body: body[0]["name"], str(number))
                    self.check(newest, lambda body: body[0]["street"], f"Street {number}")
                    if self.stop.is_set():
                        return
                if self.stop.is_set():
                    return

    def send(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx2.Response:
        response = self.client.request(method, f"{random.choice(self.urls)}{path}", json=body)
        self.statuses[response.status_code] += 1
        return response

    def check(self, path: str, value_of: Callable[[Any], object], expected: object) -> None:
        response = self.send("GET", path)
        if response.status_code < 500:
            self.checks += 1
            body = response.json()
            found = value_of(body) if response.status_code == 200 and body else response.status_code
            if found != expected:
                self.violations.append(f"{path}: {found}, not {expected}")


@contextmanager
def calling(site: Site, number: int) -> Iterator[list[Caller]]:
    """Run callers beside the block."""
    stop = threading.Event()
    callers = [Caller(site.urls, stop) for _ in range(number)]
    with ThreadPoolExecutor(number) as threads:
        ended = [threads.submit(caller.run) for caller in callers]
        try:
            yield callers
        finally:
            stop.set()
        for one in ended:
            one.result()


def test_reads_are_right_while_replicas_lag(lagging: Site) -> None:
    """Expect that callers read their own writes, and that nobody reads an old response from the cache."""

    def wait(running: Race) -> None:
        running.stop.wait(SECONDS)
        wait_for_hits(running)
        wait_for_writes(running)

    with calling(lagging, CALLERS) as callers:
        running = race(lagging.urls, wait)
    reads = lagging.samples("db_reads_total")
    checks = sum(caller.checks for caller in callers)
    logger.info("checks: %d, reads: %s, cached reads: %s", checks, dict(reads), dict(running.seen))
    assert [caller.violations for caller in callers] == [[]] * CALLERS
    assert {status for caller in callers for status in caller.statuses} == {200, 201}
    assert set(running.statuses) == {200}
    assert all(reads[f"127.0.0.1:{standby.port}"] for standby in lagging.standbys)


def test_rows_of_a_lagging_replica_do_not_enter_the_cache(lagging: Site) -> None:
    """Read with an old position, which replicas have reached, right after the write of another caller."""
    url, other = lagging.urls
    with (
        httpx2.Client(base_url=other, headers=new_address()) as writer,
        httpx2.Client(base_url=url, headers=new_address()) as reader,
    ):
        category = writer.post("/categories", json={"name": "Coherence"}).json()["id_key"]
        product = writer.post("/products", json={"name": "Kettle", "price": 1, "category_id": category})
        path = product.headers["Location"]
        assert reader.get("/orders").status_code == 200, "from now on the caller has a position"
        for standby in lagging.standbys:
            standby.catch_up()
        writer.patch(path, json={"price": 2}).raise_for_status()
        lists = [f"/products?category_id={category}", f"/products?category_id={category}&limit=7"]
        for hit in ("false", "true"):
            for cached in (path, *lists):
                answer = reader.get(cached)
                body = answer.json()
                price = (body[0] if isinstance(body, list) else body)["price"]
                assert (cached, price, answer.headers["X-Cache-Hit"]) == (cached, 2, hit)
        assert [found["price"] for found in reader.get("/products?q=kettle").json()] == [1], "from a replica"
        assert [found["price"] for found in writer.get("/products?q=kettle").json()] == [2], "the writer's own write"
        writer.delete(path).raise_for_status()  # the other tests look at the first product of the lists


def test_callers_that_have_not_just_written_read_from_replicas(lagging: Site) -> None:
    """Let others write meanwhile, so that the replicas are always behind."""

    def write_on() -> None:
        with httpx2.Client(base_url=lagging.urls[0], headers=new_address(), timeout=20) as client:
            while not stop.is_set():
                client.post("/categories", json={"name": str(next(names))}).raise_for_status()

    names, stop = itertools.count(), threading.Event()
    with ThreadPoolExecutor(1) as threads, httpx2.Client(headers=new_address(), timeout=20) as client:
        writing = threads.submit(write_on)
        try:
            assert client.get(f"{lagging.urls[0]}/orders").status_code == 200, "from now on the caller has a position"
            for standby in lagging.standbys:
                standby.catch_up()
            before = lagging.samples("db_reads_total")
            for number in range(READS):
                assert client.get(f"{lagging.urls[number % 2]}/orders").status_code == 200
            until(lambda: (lagging.samples("db_reads_total") - before).total() >= READS)
            reads = lagging.samples("db_reads_total") - before
        finally:
            stop.set()
        writing.result()
    logger.info("reads: %s", dict(reads))
    assert reads["primary"] <= 0.2 * READS
    assert min(reads[f"127.0.0.1:{standby.port}"] for standby in lagging.standbys) > 0.2 * READS, "both are read"
    assert max(lagging.samples("db_replica_lag_seconds").values()) > LAG_SECONDS / 2


def test_reads_are_never_stale_while_the_primary_fails_over_to_a_replica(lagging: Site) -> None:
    """Replicate synchronously, so that the new primary has all answered writes. Run last: the primary is dead then."""
    site = lagging
    promoted, follower = site.standbys
    promoted.delay(0)
    run(site.primary, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 (*)'")
    run(site.primary, "SELECT pg_reload_conf()")

    def fail_over(running: Race) -> None:
        wait_for_hits(running)
        wait_for_writes(running)
        until(lambda: site.samples("db_reads_total")[f"127.0.0.1:{follower.port}"])
        kill(site.primary)
        promoted.promote()
        site.path.lead_to(promoted.port)
        wait_for_writes(running)
        follower.follow(promoted)
        until(lambda: site.uses(follower))
        wait_for_hits(running)
        wait_for_writes(running)

    with calling(site, 4) as callers:
        running = race(site.urls, fail_over)
    assert running.statuses.keys() <= {200, 503}
    assert [caller.violations for caller in callers] == [[]] * 4
    assert not site.uses(promoted), "it is a primary"
