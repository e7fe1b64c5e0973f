"""Coherence and limits over a cluster: its slots move, and its masters are killed and frozen."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest

from infrastructure.redis.cluster import SLOTS, shard_number
from tests.redis_topologies import Cluster, Node, cluster
from tests.scenarios.test_coherence import LIMIT, Race, Site, count_local, run_race, wait_for_hits, wait_for_writes
from tests.scenarios.test_sentinel import ENVIRONMENT
from tests.servers import address, freeze, kill, postgres_server, restore, running_app, until

pytestmark = pytest.mark.long

LIST = "products:list:skip:0:limit:10"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def site(nodes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("sharded")
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(folder / "postgres"))
        environment = address(postgres) | nodes.environment() | ENVIRONMENT
        site = Site(nodes.nodes[0], stack.enter_context(running_app(folder, environment)), environment)
        until(lambda: site.health() == "healthy")
        yield site


def count_admitted(site: Site, client: str) -> int:
    """Send more requests of one client address than the limit over many connections. Return how many are admitted."""
    headers = {"X-Forwarded-For": client}
    with httpx2.Client(base_url=site.app.url, timeout=20) as http, ThreadPoolExecutor(20) as threads:
        statuses = Counter(
            threads.map(lambda _: http.get("/categories", headers=headers).status_code, range(2 * LIMIT))
        )
    assert set(statuses) <= {200, 429}
    return statuses[200]


def test_requests_are_limited_exactly(site: Site) -> None:
    local = count_local(site)
    admitted = [count_admitted(site, f"198.51.100.{number}") for number in range(5)]
    assert min(admitted) >= LIMIT
    until(lambda: sum(admitted) <= 5 * LIMIT + count_local(site) - local, 10)


def other_master(nodes: Cluster, owner: Node) -> Node:
    return next(node for node in nodes.nodes if node is not owner and not node.is_replica())


def test_reads_are_never_stale_while_slots_move(site: Site, nodes: Cluster) -> None:
    def moving(running: Race) -> None:
        wait_for_hits(running)
        slot = SLOTS[shard_number(LIST)]
        source = nodes.owner(slot)
        target = other_master(nodes, source)
        with nodes.moving(slot, target) as keys:
            wait_for_writes(running)
            for key in keys:
                nodes.move(source, target, key)
            wait_for_writes(running)
        wait_for_writes(running)
        until(lambda: site.health() == "healthy", 60)
        wait_for_hits(running)

    run_race(site, moving)


def test_reads_are_never_stale_while_masters_are_replaced(site: Site, nodes: Cluster) -> None:
    def killed_and_frozen(running: Race) -> None:
        for stop in (kill, freeze):
            wait_for_hits(running)
            slot = SLOTS[shard_number(LIST)]
            former = nodes.owner(slot)
            stop(former)
            wait_for_writes(running)
            until(lambda slot=slot, former=former: nodes.owner(slot) is not former, 60)  # type: ignore[misc] # defaults
            wait_for_writes(running)
            until(lambda: site.health() == "healthy", 60)
            wait_for_hits(running)
            restore(former)  # it takes itself for the owner until it hears of the election
            wait_for_hits(running)
            until(nodes.is_complete, 60)

    run_race(site, killed_and_frozen)


def test_a_failover_admits_the_local_limits_of_all_workers_at_most(site: Site, nodes: Cluster) -> None:
    client = "198.51.100.99"
    local, before = count_local(site), count_admitted(site, client)
    former = nodes.owner(SLOTS[shard_number(client)])
    kill(former)
    until(lambda: site.health() == "degraded")
    during = count_admitted(site, client)
    assert 0 < during <= LIMIT
    until(lambda: site.health() == "healthy", 60)
    total = before + during + count_admitted(site, client)
    until(lambda: LIMIT < total <= LIMIT + count_local(site) - local, 10)  # the new master has all earlier counts
    restore(former)
    until(nodes.is_complete, 60)
