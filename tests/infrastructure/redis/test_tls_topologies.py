"""Sentinels and a cluster over TLS: the clients find the master, and the next one after a failover."""

import asyncio
from pathlib import Path

import pytest

from infrastructure.redis.cluster import SLOTS
from infrastructure.redis.protocol import Key
from tests.certificates import Authority
from tests.infrastructure.redis.test_sentinel import client_of
from tests.redis_links import becomes, running
from tests.redis_topologies import REDIS_WITH_TLS, cluster, sentinel_group
from tests.servers import kill

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not REDIS_WITH_TLS, reason="redis-server is not installed, and the wheel has no TLS"),
]


def test_a_group_with_sentinels_over_tls(tmp_path: Path) -> None:
    with sentinel_group(tmp_path, Authority(tmp_path)) as group:
        former = group.master()

        async def scenario() -> None:
            link = client_of(group)
            async with running(link):
                await link.call("SET", "token", 1)
                await asyncio.to_thread(group.fail_over)
                await becomes(lambda: link.is_up and link._address.port != former.port, 60)
                assert await link.execute_reliably("UNLINK", "token")

        asyncio.run(scenario())


def test_a_cluster_over_tls(tmp_path: Path) -> None:
    with cluster(tmp_path, Authority(tmp_path)) as nodes:
        dying = nodes.owner(SLOTS[0])

        async def scenario() -> None:
            client = client_of(nodes)
            client.start()
            try:
                await becomes(lambda: client.is_up)
                assert await client.execute_reliably("UNLINK", Key("token"))
                kill(dying)
                await becomes(lambda: not client.is_up)
                await becomes(lambda: client.is_up, 60)
                assert all(shard._address.port != dying.port for shard in client.shards)
                assert await client.execute_reliably("UNLINK", Key("token"))
            finally:
                await client.stop()

        asyncio.run(scenario())
