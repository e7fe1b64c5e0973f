"""Clients of a real cluster: its slots move, and its masters die."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator

import pytest
from redis.crc import key_slot

from config.redis_config import redis_client_of
from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.cluster import SLOTS, TAGS, RedisCluster
from infrastructure.redis.protocol import Key, RedisDownError, SimpleCommand
from middleware.rate_limiter import RateLimiter
from tests.infrastructure.redis.test_failures import documented_rule
from tests.infrastructure.redis.test_sentinel import client_of, settings_of
from tests.redis_links import becomes
from tests.redis_topologies import Cluster, cluster
from tests.servers import kill, until

ENTRY, OWN, OTHERS = "products:id:5", "products:id:5:token", "products:list:token"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


async def run_with(clients: list[RedisCluster], scenario: Awaitable[None]) -> None:
    for client in clients:
        client.start()
    try:
        await becomes(lambda: all(client.is_up for client in clients))
        await scenario
    finally:
        for client in clients:
            await client.stop()


@pytest.mark.parametrize("masters", [1, 2, 3, 4, 6, 12])
def test_masters_have_equally_many_shards(masters: int) -> None:
    assert set(Counter(slot * masters // 16384 for slot in SLOTS).values()) == {len(TAGS) // masters}


def test_requests_over_two_clients_are_limited_exactly(nodes: Cluster) -> None:
    clients = [client_of(nodes), client_of(nodes)]
    limiters = [RateLimiter(client, 10, 60) for client in clients]

    async def is_admitted(number: int) -> str | None:
        await asyncio.sleep(number % 7 / 1000)
        address = f"198.51.100.{number % 20}"
        batch, place = limiters[number % 2].enter(address)
        await batch.arrive()
        return None if batch.refuses(place) else address

    async def scenario() -> None:
        admitted = Counter(await asyncio.gather(*map(is_admitted, range(1000))))
        del admitted[None]
        assert len(admitted) == 20
        assert set(admitted.values()) == {10}
        assert len({clients[0].shard_of(str(address)) for address in admitted}) > 3

    asyncio.run(run_with(clients, scenario()))


def test_a_stamp_is_deleted_on_all_shards(nodes: Cluster) -> None:
    [client] = clients = [client_of(nodes)]

    async def scenario() -> None:
        for shard in client.shards:
            await shard.call("SET", Key(OTHERS), "stamp")
        assert await client.execute_reliably("UNLINK", Key(OTHERS))
        for shard in client.shards:
            assert await shard.call("GET", Key(OTHERS)) is None
        assert await asyncio.to_thread(client.execute_reliably_from_thread, "UNLINK", Key(OTHERS))

    asyncio.run(run_with(clients, scenario()))
    with redis_client_of(settings_of(nodes)) as tool:  # type: ignore[union-attr] # it is configured
        assert not any(tool.exists(f"{{{tag}}}{OTHERS}") for tag in TAGS)


@pytest.mark.parametrize("moved", [[OWN], [OTHERS, ROOT_STAMP], ["cache:members"]], ids=str)
def test_a_write_while_a_slot_moves_invalidates_what_was_cached(nodes: Cluster, moved: list[str]) -> None:
    """Drop the root stamp, because no command may name several keys after some of them have moved."""
    [client] = clients = [client_of(nodes)]
    shard = client.shard_of(ENTRY)
    slot = key_slot(TAGS[client.shards.index(shard)].encode())
    source = nodes.owner(slot)
    target = next(node for node in nodes.nodes if not node.is_replica() and node is not source)

    async def scenario() -> None:
        for key in (OWN, OTHERS, ROOT_STAMP, ENTRY):
            await shard.call("SET", Key(key), "stamp")
        with nodes.moving(slot, target):
            nodes.move(source, target, *(f"{shard.prefix}{key}".encode() for key in moved))
            async with asyncio.timeout(3):
                assert await client.execute_reliably("UNLINK", Key(OTHERS), Key(OWN))
            command = SimpleCommand("MGET", *(shard.prefix + key for key in (ROOT_STAMP, OWN, ENTRY)))
            try:
                await shard.enqueue(command).wait()
            except RedisDownError:
                """Nothing is read."""
            else:
                assert isinstance(command.reply, Exception) or None in command.reply[:2]
        await becomes(lambda: shard.is_up and shard._address.port == target.port)
        assert await shard.call("GET", Key(ROOT_STAMP)) is None, "the first worker drops what has moved"
        assert await client.execute_reliably("UNLINK", Key(OWN))

    asyncio.run(run_with(clients, scenario()))


def test_a_dead_master_takes_down_its_shards_only_until_its_replica_replaces_it(nodes: Cluster) -> None:
    [client] = clients = [client_of(nodes)]
    dying = nodes.owner(SLOTS[0])

    async def scenario() -> None:
        dead = {shard for shard in client.shards if shard._address.port == dying.port}
        assert 0 < len(dead) < len(TAGS)
        kill(dying)
        assert not await client.execute_reliably("UNLINK", Key(OTHERS)), "they cannot drop a stamp, and need not"
        assert not any(shard.is_up for shard in dead)
        await becomes(lambda: client.is_up, 60)
        assert all(shard._address.port != dying.port for shard in client.shards)
        assert await client.execute_reliably("UNLINK", Key(OTHERS))

    asyncio.run(run_with(clients, scenario()))
    dying.start()
    until(nodes.is_complete)


def test_the_documented_rights_suffice(nodes: Cluster) -> None:
    from main import create_fastapi_app

    rule = [word.replace("~shop:", "~{*}shop:") for word in documented_rule()]
    for node in nodes.nodes:
        node.run("ACL", "SETUSER", "limited", "reset", ">right", *rule, "+cluster|slots")
    user = {"REDIS_USERNAME": "limited", "REDIS_PASSWORD": "right", "REDIS_PREFIX": "shop"}
    app = create_fastapi_app(settings_of(nodes, **user, RATE_LIMIT_ENABLED="true"))
    client = app.state.app_context.redis

    async def scenario() -> None:
        assert await client.execute_reliably("UNLINK", Key(OTHERS))

    asyncio.run(run_with([client], scenario()))
