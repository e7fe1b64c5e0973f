"""Coherence while Sentinels replace a master that is killed, frozen, or works on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.redis_topologies import Node, SentinelGroup, sentinel_group
from tests.scenarios.test_coherence import LIMIT, Race, Site, run_race, wait_for_hits, wait_for_writes
from tests.servers import address, freeze, kill, postgres_server, restore, running_app, until

pytestmark = pytest.mark.long

PERIOD = "600"  # no count may end during a test
ENVIRONMENT = {
    "RATE_LIMIT_ENABLED": "true",
    "RATE_LIMIT_CALLS": str(LIMIT),
    "RATE_LIMIT_PERIOD": PERIOD,
    "LIMIT_MAX_REQUESTS": "0",
}


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    with sentinel_group(tmp_path_factory.mktemp("group")) as group:
        yield group


@pytest.fixture(scope="module")
def site(group: SentinelGroup, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("sentinel")
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(folder / "postgres"))
        environment = address(postgres) | group.environment() | ENVIRONMENT
        site = Site(group.nodes[0], stack.enter_context(running_app(folder, environment)), environment)
        until(lambda: site.health() == "healthy")
        yield site


def test_reads_are_never_stale(site: Site, group: SentinelGroup) -> None:
    def fail_over(_: Node) -> None:
        group.fail_over()

    def killed_frozen_and_replaced(running: Race) -> None:
        replace: Callable[[Node], None]
        for replace in (kill, freeze, fail_over):
            wait_for_hits(running)
            former = group.master()
            replace(former)
            wait_for_writes(running)
            until(lambda former=former: group.master() is not former, 60)  # type: ignore[misc] # a default
            wait_for_writes(running)
            until(lambda: site.health() == "healthy", 60)
            wait_for_hits(running)
            restore(former)  # it takes itself for the master until Sentinel makes it a replica
            wait_for_hits(running)
            until(group.is_complete, 60)

    run_race(site, killed_frozen_and_replaced)
