"""Tests of the Redis client on a real server that is killed, restarted, frozen and made to reject writes."""

import asyncio
import logging

import hiredis
import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.availability import handshake, outage_log, retry_pause, supervisor
from infrastructure.redis.client import RedisClient
from infrastructure.redis.protocol import RedisDownError, SimpleCommand
from tests.redis_links import address_of, becomes, running
from tests.servers import freeze, kill, thaw


@pytest.fixture
def link(valkey: ValkeyServer) -> RedisClient:
    return RedisClient(address_of(valkey))


def test_commands_of_one_tick_share_a_pipeline_and_get_their_own_replies(link: RedisClient) -> None:
    async def scenario() -> None:
        async with running(link):
            commands = [SimpleCommand("ECHO", number) for number in range(500)]
            pipelines = {link.enqueue(command) for command in commands}
            assert len(pipelines) == 1
            await pipelines.pop().wait()
            assert [command.result() for command in commands] == [b"%d" % number for number in range(500)]

    asyncio.run(scenario())


def test_concurrent_callers_get_their_own_replies_of_any_size(link: RedisClient) -> None:
    async def scenario() -> None:
        async with running(link):

            async def echo(number: int) -> bool:
                text = b"%d" % number * (number * 37 % 9000 + 1)
                return bool(await link.call("ECHO", text) == text)

            for _ in range(3):
                assert all(await asyncio.gather(*map(echo, range(300))))

    asyncio.run(scenario())


def test_an_error_reply_fails_only_its_own_caller(link: RedisClient) -> None:
    async def scenario() -> None:
        async with running(link):
            calls = link.call("INCR"), link.call("ECHO", "right")
            replies: list[object] = await asyncio.gather(*calls, return_exceptions=True)
            assert isinstance(replies[0], hiredis.ReplyError)
            assert replies[1] == b"right"

    asyncio.run(scenario())


def test_a_cancelled_caller_does_not_affect_the_others(link: RedisClient) -> None:
    async def scenario() -> None:
        async with running(link):
            leaving, staying = (asyncio.create_task(link.call("ECHO", name)) for name in ("leaving", "staying"))
            await asyncio.sleep(0)
            leaving.cancel()
            assert await staying == b"staying"
            assert await link.call("ECHO", "next") == b"next"

    asyncio.run(scenario())


def test_a_killed_server_fails_pending_and_new_commands_until_it_is_back(
    valkey: ValkeyServer, link: RedisClient
) -> None:
    async def scenario() -> None:
        async with running(link):
            freeze(valkey)
            waiting = [asyncio.create_task(link.call("PING")) for _ in range(50)]
            await asyncio.sleep(0)
            kill(valkey)
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(answer, RedisDownError) for answer in answers)
            with pytest.raises(RedisDownError):
                link.enqueue(SimpleCommand("PING"))
            valkey.start()
            await becomes(lambda: link.is_up)
            assert await link.call("ECHO", "back") == b"back"

    asyncio.run(scenario())


def test_a_frozen_server_fails_pending_commands_and_its_late_replies_are_dropped(
    valkey: ValkeyServer, link: RedisClient
) -> None:
    async def scenario() -> None:
        async with running(link):
            freeze(valkey)
            answers = await asyncio.gather(*(link.call("ECHO", "old") for _ in range(50)), return_exceptions=True)
            assert all(isinstance(answer, RedisDownError) for answer in answers)
            assert not link.is_up
            thaw(valkey)
            await becomes(lambda: link.is_up)
            assert await asyncio.gather(*(link.call("ECHO", number) for number in range(9))) == [
                b"%d" % number for number in range(9)
            ]

    asyncio.run(scenario())


def test_a_silent_connection_is_replaced(
    valkey: ValkeyServer, link: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (supervisor, handshake):
        monkeypatch.setattr(module, "CONNECTION_TIMEOUT_SECONDS", 0.3)

    async def scenario() -> None:
        async with running(link):
            first = link._connection
            freeze(valkey)
            await becomes(lambda: link._connection not in (None, first))
            thaw(valkey)
            await becomes(lambda: link.is_up)
            assert await link.call("ECHO", "back") == b"back"

    asyncio.run(scenario())


def test_a_client_starts_without_a_server_and_logs_the_outage_once(
    valkey: ValkeyServer, link: RedisClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, outage_log.__name__)

    async def scenario() -> None:
        kill(valkey)
        link.start()
        await becomes(lambda: link._retry_pause.seconds == retry_pause.MAX_SECONDS)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        valkey.start()
        await becomes(lambda: link.is_up)
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
        await link.stop()

    asyncio.run(scenario())


def test_a_wrong_password_keeps_the_client_down_and_is_not_logged(
    valkey: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        link = RedisClient(address_of(valkey, "a wrong one"))
        link.start()
        await becomes(lambda: caplog.records)
        assert not link.is_up
        await link.stop()

    asyncio.run(scenario())
    assert "WRONGPASS" in caplog.text
    assert "a wrong one" not in caplog.text


def test_each_handshake_is_acknowledged_before_the_client_is_up(valkey: ValkeyServer, link: RedisClient) -> None:
    link.add_handshake_command("INCR", "handshakes")

    async def scenario() -> None:
        async with running(link):
            assert await link.call("GET", "handshakes") == b"1"
            freeze(valkey)
            await becomes(lambda: not link.is_up)
            thaw(valkey)
            await becomes(lambda: link.is_up)
            assert int(await link.call("GET", "handshakes")) > 1

    asyncio.run(scenario())


def test_the_configured_database_is_selected(valkey: ValkeyServer) -> None:
    async def scenario() -> None:
        link = RedisClient(address_of(valkey)._replace(db=3))
        async with running(link):
            await link.call("SET", "where", "three")

    asyncio.run(scenario())
    with redis_client(address_of(valkey)._replace(db=3)) as client:
        assert client.get("where") == b"three"
    with redis_client(address_of(valkey)) as client:
        assert client.get("where") is None


class TestExecuteReliably:
    """Guarantee for writers: the command is executed, or no client trusts older cached responses."""

    def test_is_true_when_the_command_is_executed(self, valkey: ValkeyServer, link: RedisClient) -> None:
        async def scenario() -> None:
            async with running(link):
                await link.call("SET", "token", 1)
                assert await link.execute_reliably("UNLINK", "token")
                assert await link.call("GET", "token") is None

        asyncio.run(scenario())

    def test_works_from_a_thread_but_not_from_the_event_loop(self, link: RedisClient) -> None:
        async def scenario() -> None:
            async with running(link):
                assert await asyncio.to_thread(link.execute_reliably_from_thread, "UNLINK", "token")
                with pytest.raises(RuntimeError, match="wait for itself"):
                    link.execute_reliably_from_thread("UNLINK", "token")
            assert not link.execute_reliably_from_thread("UNLINK", "token")

        asyncio.run(scenario())

    def test_is_false_when_the_server_is_killed(self, valkey: ValkeyServer, link: RedisClient) -> None:
        other = RedisClient(address_of(valkey))

        async def scenario() -> None:
            async with running(link, other):
                kill(valkey)
                results = await asyncio.gather(*(link.execute_reliably("UNLINK", "token") for _ in range(20)))
                assert not any(results)
                assert not link.is_up
                await becomes(lambda: not other.is_up)
                assert not await link.execute_reliably("UNLINK", "token")
                valkey.start()
                await becomes(lambda: link.is_up and other.is_up)
                assert await link.execute_reliably("UNLINK", "token")

        asyncio.run(scenario())

    def test_is_false_for_a_frozen_server_only_when_no_other_client_trusts_it(
        self, valkey: ValkeyServer, link: RedisClient
    ) -> None:
        other = RedisClient(address_of(valkey))

        async def scenario() -> None:
            async with running(link, other):
                for _ in range(3):
                    freeze(valkey)
                    results = await asyncio.gather(*(link.execute_reliably("UNLINK", "token") for _ in range(20)))
                    assert not any(results)
                    assert not other.is_up
                    assert not await link.execute_reliably("UNLINK", "token")
                    thaw(valkey)
                    await becomes(lambda: link.is_up and other.is_up)
                    assert await link.execute_reliably("UNLINK", "token")

        asyncio.run(scenario())

    def test_is_true_when_a_short_freeze_ends_in_time(self, valkey: ValkeyServer, link: RedisClient) -> None:
        async def scenario() -> None:
            async with running(link):
                await link.call("SET", "token", 1)
                freeze(valkey)
                execution = asyncio.create_task(link.execute_reliably("UNLINK", "token"))
                await becomes(lambda: not link.is_up)
                thaw(valkey)
                assert await execution
                await becomes(lambda: link.is_up)
                assert await link.call("GET", "token") is None

        asyncio.run(scenario())

    def test_is_false_when_redis_rejects_writes_and_then_no_client_trusts_it(
        self, valkey: ValkeyServer, link: RedisClient
    ) -> None:
        other = RedisClient(address_of(valkey))

        async def scenario() -> None:
            async with running(link, other):
                with redis_client(address_of(valkey)) as client:
                    client.config_set("min-replicas-to-write", 1)
                    try:
                        assert not await link.execute_reliably("UNLINK", "token")
                        assert not link.is_up
                        assert not other.is_up
                    finally:
                        client.config_set("min-replicas-to-write", 0)
                await becomes(lambda: link.is_up and other.is_up)

        asyncio.run(scenario())
