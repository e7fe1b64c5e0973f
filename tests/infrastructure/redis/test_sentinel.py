"""Clients that Sentinels lead to the master: they follow a failover, and never trust two masters at once."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from config.redis_config import redis_client_of
from config.settings import Settings
from infrastructure.observability.metrics import metrics
from infrastructure.redis.client import Redis
from infrastructure.redis.factory import create_redis
from infrastructure.redis.topology.majority import SETTLING_SECONDS
from tests.redis_links import becomes, running
from tests.redis_topologies import SentinelGroup, sentinel_group
from tests.servers import kill, until


async def no_prefix() -> str:
    return ""


def settings_of(group: Any, **changes: str) -> Settings:
    return Settings(**{name.lower(): value for name, value in (group.environment() | changes).items()})


def client_of(group: Any, **changes: str) -> Any:
    client: Redis | None = create_redis(settings_of(group, **changes), no_prefix)
    assert client
    return client


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    with sentinel_group(tmp_path_factory.mktemp("group")) as group:
        yield group


def test_a_worker_that_starts_waits_until_a_former_master_is_trusted_by_nobody(group: SentinelGroup) -> None:
    async def scenario() -> None:
        loop, link = asyncio.get_running_loop(), client_of(group)
        started_at = loop.time()
        async with running(link):
            assert loop.time() - started_at >= SETTLING_SECONDS
            await link.call("SET", "token", 1)
        assert group.master().run("GET", "token") == b"1"

    asyncio.run(scenario())
    with redis_client_of(settings_of(group)) as tool:  # type: ignore[union-attr] # it is configured
        assert tool.get("token") == b"1"


def test_no_two_masters_are_trusted_while_both_answer(group: SentinelGroup) -> None:
    """Make another server the master, and start a worker. The former one works on until Sentinel makes it a replica."""
    before = metrics._totals.counters["redis_failovers_total"]

    async def scenario() -> None:
        links = [client_of(group) for _ in range(3)]
        async with running(*links):
            former = group.master()
            await asyncio.to_thread(group.fail_over)
            links.append(client_of(group))
            links[-1].start()
            while not all(link.is_up and link._address.port != former.port for link in links):
                assert len({link._address for link in links if link.is_up}) <= 1
                await asyncio.sleep(0.005)
            await links[0].call("SET", "token", 1)
            assert await links[1].execute_reliably("UNLINK", "token")
            assert await links[-1].call("GET", "token") is None
            await links[-1].stop()
        await asyncio.to_thread(until, group.is_complete, 60)

    asyncio.run(scenario())
    assert metrics._totals.counters["redis_failovers_total"] == before + 3


def test_a_writer_waits_for_the_new_master_only_when_there_is_one(group: SentinelGroup) -> None:
    async def scenario() -> None:
        link, other = client_of(group), client_of(group)
        async with running(link, other):
            former = group.master()
            kill(former)
            assert not await link.execute_reliably("UNLINK", "token"), "there is no other master yet"
            assert not other.is_up
            await becomes(lambda: link._master.is_replaced(former_address), 60)
            assert await link.execute_reliably("UNLINK", "token")
            await becomes(lambda: link.is_up and other.is_up)
            assert link._address == other._address != former_address
        former.start()
        await asyncio.to_thread(until, group.is_complete, 60)

    former_address = client_of(group)._address._replace(host="127.0.0.1", port=group.master().port)
    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"REDIS_SENTINEL_MASTER": "another"}, "it knows no master another: correct REDIS_SENTINEL_MASTER"),
        ({"REDIS_SENTINEL_PASSWORD": "wrong"}, "invalid username-password pair"),
    ],
)
def test_a_wrong_setting_is_named(
    group: SentinelGroup, change: dict[str, str], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        link = client_of(group, **change)
        link.start()
        await link.wait_for_first_attempt()
        assert not link.is_up
        await link.stop()

    asyncio.run(scenario())
    [line] = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    assert "no majority of the Sentinels names a master" in line
    assert text in line
