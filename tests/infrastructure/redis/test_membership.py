"""Membership on a real server: a start and a clean stop drop nothing; a death, an outage and a loss drop once."""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
import redis

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.availability.membership import DEATH_MS, LAST_DROP, MEMBERS, ROOT_STAMP, Membership
from infrastructure.redis.client import RedisClient
from tests.redis_links import address_of, becomes, running
from tests.servers import freeze, kill, thaw, valkey_server


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class Redis:
    """The server as the tests see it. It counts the drops of the root stamp, and has none at first."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        client.flushdb()
        self.forget_drops()

    def forget_drops(self) -> None:
        """Count from zero, and make the last drop an old one."""
        if self.client.exists(LAST_DROP):
            self.client.hset(LAST_DROP, "time", 1)
        self.client.set(ROOT_STAMP, "stamp")
        self.client.config_resetstat()

    def drops(self) -> int:
        statistics: dict[str, Any] = self.client.info("commandstats")
        return int(statistics.get("cmdstat_unlink", {"calls": 0})["calls"])

    def members(self) -> set[bytes]:
        members: Any = self.client.zrange(MEMBERS, 0, -1)
        return set(members)

    def now(self) -> int:
        seconds, microseconds = self.client.time()
        return int(seconds * 1000 + microseconds // 1000)

    def run(self, words: tuple[Any, ...]) -> int:
        client: Any = self.client
        return int(client.execute_command(*words))


@pytest.fixture
def server(valkey: ValkeyServer) -> Iterator[Redis]:
    with redis_client(address_of(valkey)) as client:
        yield Redis(client)


@pytest.fixture
def links(valkey: ValkeyServer) -> list[RedisClient]:
    return [RedisClient(address_of(valkey)) for _ in range(3)]


def pause(link: RedisClient) -> None:
    """Send no heartbeats until `resume`, as a stopped process."""
    assert link._timer
    link._timer.cancel()


def resume(link: RedisClient) -> None:
    link._tick()


def test_the_first_member_drops_and_others_do_not(server: Redis, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(links[0]):
            assert server.drops() == 1
            assert not server.client.exists(ROOT_STAMP)
            server.forget_drops()
            async with running(*links[1:]):
                assert len(server.members()) == 3
                assert server.drops() == 0

    asyncio.run(scenario())


def test_a_worker_that_stops_leaves_without_a_drop(server: Redis, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(links[0]):
            before = server.members()
            async with running(*links[1:]):
                server.forget_drops()
            assert server.members() == before
            assert server.drops() == 0

    asyncio.run(scenario())


def test_the_next_first_member_drops_after_all_have_stopped(server: Redis, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(links[0]):
            pass
        assert server.members() == set()
        server.forget_drops()
        async with running(links[1]):
            assert server.drops() == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("shift_ms", [-DEATH_MS - 100, 5000], ids=["silent", "the clock was set back"])
def test_one_of_several_members_finds_a_death(server: Redis, links: list[RedisClient], shift_ms: int) -> None:
    async def scenario() -> None:
        async with running(*links):
            server.forget_drops()
            server.client.zadd(MEMBERS, {"dead": server.now() + shift_ms})
            await becomes(lambda: b"dead" not in server.members())
            found_at = monotonic()
            await becomes(lambda: all(link._membership.confirmed_at > found_at for link in links))
            assert server.drops() == 1
            assert all(link.is_up for link in links)

    asyncio.run(scenario())


def test_a_killed_worker_is_found_by_its_silence(server: Redis, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(links[0]):
            server.run(Membership().join())
            server.forget_drops()
            assert len(server.members()) == 2
            await becomes(lambda: len(server.members()) == 1)
            assert server.drops() == 1

    asyncio.run(scenario())


def test_a_joining_worker_finds_a_death(server: Redis) -> None:
    first, second = Membership(), Membership()
    server.run(first.join())
    server.client.zadd(MEMBERS, {"dead": server.now() - DEATH_MS - 1})
    server.forget_drops()
    server.run(second.join())
    assert server.drops() == 1
    assert len(server.members()) == 2


def test_a_paused_worker_that_counts_as_dead_joins_again(server: Redis, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(*links[:2]):
            paused, other = links[:2]
            pause(paused)
            server.forget_drops()
            name = paused._membership._id
            server.client.zadd(MEMBERS, {name: server.now() - DEATH_MS - 1})
            await becomes(lambda: name.encode() not in server.members())
            before = paused._membership.confirmed_at
            resume(paused)
            await becomes(lambda: name.encode() in server.members())
            await becomes(lambda: paused.is_up and paused._membership.confirmed_at > before)
            assert server.drops() == 1
            assert other.is_up

    asyncio.run(scenario())


def lose_the_members(server: Redis) -> None:
    server.client.delete(MEMBERS)


def flush(server: Redis) -> None:
    server.client.flushall()


@pytest.mark.parametrize("lose", [lose_the_members, flush])
def test_members_that_were_lost_join_again_with_a_drop(
    server: Redis, links: list[RedisClient], lose: Callable[[Redis], None]
) -> None:
    async def scenario() -> None:
        async with running(*links):
            names = server.members()
            server.forget_drops()
            lose(server)
            await becomes(lambda: server.members() == names)
            await becomes(lambda: all(link.is_up for link in links))
            assert server.drops() == 1
            assert not server.client.exists(ROOT_STAMP)

    asyncio.run(scenario())


def test_a_lost_record_of_drops_is_a_reason_to_drop(server: Redis) -> None:
    server.run(Membership().join())
    server.forget_drops()
    server.client.delete(LAST_DROP)
    server.run(Membership().join())
    assert server.drops() == 1


def test_data_of_another_server_are_dropped(server: Redis) -> None:
    """Find the data of before a restart, or those of a failed primary: both may lack the newest drops."""
    server.run(Membership().join())
    server.forget_drops()
    server.client.hset(LAST_DROP, "server", "f" * 40)
    for _ in range(2):
        server.run(Membership().join())
    assert server.drops() == 1


def test_workers_that_return_from_an_outage_drop_once(
    valkey: ValkeyServer, server: Redis, links: list[RedisClient]
) -> None:
    async def scenario() -> None:
        async with running(*links):
            server.forget_drops()
            freeze(valkey)
            dropped = await asyncio.gather(*(link.execute_reliably("DEL", "products:list:token") for link in links))
            assert not any(dropped)
            thaw(valkey)
            await becomes(lambda: all(link.is_up for link in links))
            assert server.drops() == 1

    asyncio.run(scenario())


def test_workers_that_return_to_a_restarted_server_drop_once(
    valkey: ValkeyServer, server: Redis, links: list[RedisClient]
) -> None:
    async def scenario() -> None:
        async with running(*links):
            kill(valkey)
            await becomes(lambda: not any(link.is_up for link in links))
            valkey.start()
            await becomes(lambda: all(link.is_up for link in links))
            assert server.drops() == 1

    asyncio.run(scenario())


def test_a_single_worker_that_lost_its_connection_drops(server: Redis, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(*links):
            server.forget_drops()
            assert links[0]._connection
            links[0]._connection.abort()
            await becomes(lambda: links[0].is_up)
            assert server.drops() == 1

    asyncio.run(scenario())


def test_a_worker_that_was_late_itself_drops_nothing(server: Redis, links: list[RedisClient]) -> None:
    """Distrust what was read meanwhile, but suspect no outage: the members would have forgotten each other."""

    async def scenario() -> None:
        async with running(*links[:2]):
            server.forget_drops()
            busy = links[0]
            before = monotonic()
            busy._membership.confirmed_at -= 1
            await becomes(lambda: busy.is_up and busy._membership.confirmed_at > before)
            assert server.drops() == 0

    asyncio.run(scenario())


class TestSufficientDrop:
    """The drop of another worker spares a worker its own only if no outage can lie between."""

    @pytest.fixture
    def returning(self, server: Redis) -> Membership:
        """Return a worker that was up, and a member that goes on."""
        member, returning = Membership(), Membership()
        server.run(member.join())
        returning.confirm(monotonic(), server.run(returning.join()))
        return returning

    @pytest.mark.parametrize(("age_ms", "drops"), [(1, 0), (500, 0), (1100, 1), (10_000, 1)])
    def test_is_a_recent_one(self, server: Redis, returning: Membership, age_ms: int, drops: int) -> None:
        server.forget_drops()
        returning.note_possible_outage()
        server.client.hset(LAST_DROP, "time", server.now() - age_ms)
        server.run(returning.join())
        assert server.drops() == drops

    def test_is_later_than_a_write_that_did_not_drop_its_stamps(self, server: Redis, returning: Membership) -> None:
        server.forget_drops()
        server.client.hset(LAST_DROP, "time", server.now())
        returning.note_undropped(monotonic())
        server.run(returning.join())
        assert server.drops() == 1

    def test_is_judged_by_the_clock_of_the_worker(self, server: Redis, returning: Membership) -> None:
        """Take it for older if the clock of Redis stood still, as on a paused virtual machine."""
        server.forget_drops()
        server.client.hset(LAST_DROP, "time", server.now())
        returning.note_possible_outage()
        returning.confirmed_at -= 2
        server.run(returning.join())
        assert server.drops() == 1

    def test_is_needed_by_a_new_worker_only_after_a_write(self, server: Redis, returning: Membership) -> None:
        server.forget_drops()
        new = Membership()
        server.run(new.join())
        assert server.drops() == 0
        new.note_undropped(monotonic())
        server.run(new.join())
        assert server.drops() == 1


def test_a_heartbeat_is_a_write(server: Redis) -> None:
    """Notice a server that only reads: it could not drop stamps."""
    member = Membership()
    server.run(member.join())
    server.client.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
            server.run(member.heartbeat())
    finally:
        server.client.config_set("min-replicas-to-write", 0)


def test_a_stop_ends_while_the_server_is_frozen(valkey: ValkeyServer, links: list[RedisClient]) -> None:
    async def scenario() -> None:
        async with running(links[0]):
            freeze(valkey)
            await links[0].stop()
            thaw(valkey)

    asyncio.run(scenario())


def test_the_first_attempt_ends_with_a_member_or_an_error(valkey: ValkeyServer, server: Redis) -> None:
    async def scenario(link: RedisClient) -> bool:
        link.start()
        await link.wait_for_first_attempt()
        is_up = link.is_up
        await link.stop()
        return is_up

    assert asyncio.run(scenario(RedisClient(address_of(valkey))))
    assert not asyncio.run(scenario(RedisClient(address_of(valkey, "a wrong one"))))
