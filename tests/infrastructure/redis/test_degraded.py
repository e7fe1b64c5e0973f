"""A full or slow Redis is left out, reported once, and taken back. Writers still delete their stamps meanwhile."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.observability.metrics import metrics
from infrastructure.redis.availability import outage_log, retry_pause
from infrastructure.redis.client import RedisClient
from infrastructure.redis.protocol import RedisDownError, SimpleCommand
from tests.proxy import Proxy
from tests.redis_links import address_of, becomes, running


@contextmanager
def one_outage(caplog: pytest.LogCaptureFixture, text: str) -> Iterator[None]:
    """Expect one warning, one count, and one line for the recovery."""
    caplog.set_level(logging.INFO, outage_log.__name__)
    before = metrics._totals.counters["redis_outages_total"]
    yield
    warning, *later = caplog.records
    assert (warning.levelname, text in warning.getMessage()) == ("WARNING", True)
    assert [record.levelname for record in later] == ["INFO"]
    assert metrics._totals.counters["redis_outages_total"] == before + 1


def test_a_full_redis_is_left_out_and_taken_back(
    valkey: ValkeyServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_pause, "REFUSED_SECONDS", 0.1)

    async def scenario() -> None:
        link = RedisClient(address_of(valkey))
        with redis_client(address_of(valkey)) as client:
            async with running(link):
                await link.call("SET", "token", 1)
                caplog.clear()
                with one_outage(caplog, "its memory is full: raise `maxmemory`"):
                    client.config_set("maxmemory-policy", "noeviction")
                    client.config_set("maxmemory", 1)
                    try:
                        await becomes(lambda: not link.is_up)
                        with pytest.raises(RedisDownError):
                            link.enqueue(SimpleCommand("GET", "token"))
                        assert await link.execute_reliably("UNLINK", "token")
                        assert not client.exists("token")
                        await becomes(lambda: link._outage._failing_since)
                        assert not link.is_up
                    finally:
                        client.config_set("maxmemory", "256mb")
                        client.config_set("maxmemory-policy", "allkeys-lru")
                    await becomes(lambda: link.is_up)

    asyncio.run(scenario())


def test_a_slow_redis_is_left_out_and_taken_back(valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(proxy: Proxy) -> None:
        link, other = RedisClient(address_of(valkey)._replace(port=proxy.port)), RedisClient(address_of(valkey))
        async with running(link, other):
            caplog.clear()
            with one_outage(caplog, "it is slow"):
                proxy.delay_seconds = 0.5
                await becomes(lambda: not link.is_up)
                with pytest.raises(RedisDownError):
                    link.enqueue(SimpleCommand("PING"))
                await other.call("SET", "token", 1)
                assert await link.execute_reliably("UNLINK", "token")
                assert await other.call("GET", "token") is None
                assert other.is_up
                assert not link.is_up
                proxy.delay_seconds = 0
                await becomes(lambda: link.is_up)

    with Proxy(valkey.port) as proxy:
        asyncio.run(scenario(proxy))


def test_a_client_that_starts_on_a_slow_redis_does_not_use_it(valkey: ValkeyServer) -> None:
    async def scenario(proxy: Proxy) -> None:
        proxy.delay_seconds = 0.5
        link = RedisClient(address_of(valkey)._replace(port=proxy.port))
        link.start()
        await link.wait_for_first_attempt()
        assert not link.is_up
        proxy.delay_seconds = 0
        await becomes(lambda: link.is_up)
        await link.stop()

    with Proxy(valkey.port) as proxy:
        asyncio.run(scenario(proxy))


def test_a_worker_that_is_late_itself_does_not_take_redis_for_slow(valkey: ValkeyServer) -> None:
    async def scenario() -> None:
        link = RedisClient(address_of(valkey))
        async with running(link):
            for _ in range(15):
                loop = asyncio.get_running_loop()
                until = loop.time() + 0.15
                while loop.time() < until:
                    """Keep the event loop busy."""
                await asyncio.sleep(0)
                assert link.is_up

    asyncio.run(scenario())
