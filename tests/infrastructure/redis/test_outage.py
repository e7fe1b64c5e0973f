"""Tests of the evidence for an outage, during which writers answer without invalidating the cache."""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import hiredis
import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability import outage, retry_pause
from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.availability.outage import OUTAGE_SECONDS, PATIENCE_SECONDS, OutageDetector
from infrastructure.redis.client import RedisClient
from infrastructure.redis.connect import connect, is_unserved
from infrastructure.redis.protocol import RedisDownError
from tests.proxy import Proxy
from tests.redis_links import address_of, becomes, running
from tests.servers import valkey_server

ADDRESSES = "127.0.0.1", "127.0.0.2"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(outage, "monotonic", time)
    return time


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def is_over(detector: OutageDetector, since: float) -> bool:
    return detector.is_unserved(since) or detector.is_failing(since)


def verdicts(detector: OutageDetector, time: Time, error: Exception, attempts: int) -> list[bool]:
    """Return the verdict after each attempt that fails with `error`."""
    found = []
    for _ in range(attempts):
        since, time.now = time.now, time.now + 0.6 * OUTAGE_SECONDS
        detector.on_waiting()
        detector.on_failure(time.now, error)
        found.append(is_over(detector, since))
    return found


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, ""),
        FileNotFoundError(errno.ENOENT, "no such socket"),
        *map(os_error, (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL)),
        socket.gaierror(socket.EAI_NONAME, ""),
    ],
    ids=str,
)
def test_an_address_without_a_server_ends_the_wait_when_no_worker_trusts(time: Time, error: Exception) -> None:
    """A refused connection does not end it at once: the way of this worker may be closed, and that of others open."""
    detector = OutageDetector()
    assert verdicts(detector, time, error, 3) == [False, False, True]
    detector.on_data()
    detector.on_up()
    assert verdicts(detector, time, error, 3) == [False, False, True], "starts again"


@pytest.mark.parametrize(
    "error",
    [
        hiredis.ReplyError("ERR max number of clients reached"),
        hiredis.ProtocolError("not Redis"),
        RedisDownError("connection lost"),
        os_error(errno.ECONNRESET),
        *map(os_error, (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EACCES, errno.EPERM)),
        socket.gaierror(socket.EAI_AGAIN, ""),
        OSError("unknown"),
    ],
    ids=str,
)
def test_an_error_that_may_concern_one_worker_only_ends_the_wait_later(time: Time, error: Exception) -> None:
    assert verdicts(OutageDetector(), time, error, 4) == [False, False, False, True]


def test_only_the_first_writes_of_an_outage_wait(time: Time) -> None:
    detector = OutageDetector()
    verdicts(detector, time, ConnectionRefusedError(errno.ECONNREFUSED, ""), 3)
    written_at, time.now = time.now, time.now + 0.01
    assert not is_over(detector, written_at), "an attempt after the write has to fail"
    detector.on_failure(time.now, ConnectionRefusedError(errno.ECONNREFUSED, ""))
    assert is_over(detector, written_at)


def test_a_refusal_needs_no_further_attempt(time: Time) -> None:
    detector = OutageDetector()
    detector.on_failure(time.now, hiredis.ReplyError("WRONGPASS"), is_refusal=True)
    assert not is_over(detector, time.now)
    time.now += PATIENCE_SECONDS
    assert is_over(detector, time.now)


def test_an_unresolved_host_name_does_not_count_as_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.wait(30))

    async def scenario() -> None:
        link = RedisClient(RedisAddress("redis.test", 6379, 0, ""))
        link.start()
        await asyncio.sleep(0)
        assert link._outage._silent_since is None
        await link.stop()

    try:
        asyncio.run(scenario())
    finally:
        answers.set()


@pytest.mark.parametrize(
    ("numbers", "is_proof"),
    [
        ((errno.ECONNREFUSED, errno.ECONNREFUSED), True),
        ((errno.ECONNREFUSED, errno.EMFILE), False),
        ((errno.EMFILE, errno.ECONNREFUSED), False),
    ],
)
def test_all_addresses_of_a_host_must_refuse(
    monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, int], is_proof: bool
) -> None:
    failing = dict(zip(ADDRESSES, map(os_error, numbers), strict=True))

    def addresses(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ADDRESSES]

    async def refuse(_: Callable[[], Any], host: str, port: int) -> Any:
        raise failing[host]

    def nothing() -> Any:
        return None

    async def scenario() -> None:
        monkeypatch.setattr(socket, "getaddrinfo", addresses)
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)
        with pytest.raises(OSError, match=r"\[Errno") as raised:
            await connect(RedisAddress("redis.test", 6379, 0, ""), nothing, nothing)
        assert is_unserved(raised.value) == is_proof

    asyncio.run(scenario())


def test_a_write_is_acknowledged_after_a_short_refusal_of_the_way_of_one_worker(valkey: ValkeyServer) -> None:
    """The other worker has a way of its own. A refusal of the first one's proves nothing about it."""
    with Proxy(valkey.port) as proxy:
        link, other = RedisClient(address_of(valkey)._replace(port=proxy.port)), RedisClient(address_of(valkey))

        async def scenario() -> None:
            async with running(link, other):
                await other.call("SET", "token", 1)
                proxy.refuse()
                await becomes(lambda: link._outage._unserved_since)
                execution = asyncio.create_task(link.execute_reliably("UNLINK", "token"))
                await asyncio.sleep(0.1)
                assert not execution.done()
                assert other.is_up
                proxy.accept()
                assert await execution
                assert await other.call("GET", "token") is None
                await becomes(lambda: link.is_up)

        asyncio.run(scenario())


def test_a_redis_without_room_for_one_worker_may_serve_another(valkey: ValkeyServer) -> None:
    link, other = RedisClient(address_of(valkey)), RedisClient(address_of(valkey))

    async def scenario() -> None:
        async with running(link, other):
            await other.call("SET", "token", 1)
            with redis_client(address_of(valkey)) as client:
                before = client.config_get("maxclients")["maxclients"]
                client.config_set("maxclients", 1)
                try:
                    assert link._connection
                    link._connection.abort()
                    await becomes(lambda: link._outage._failing_since)
                    execution = asyncio.create_task(link.execute_reliably("UNLINK", "token"))
                    await asyncio.sleep(0.1)
                    assert not execution.done(), "the other worker still serves cached responses"
                finally:
                    client.config_set("maxclients", before)
            assert await execution
            assert await other.call("GET", "token") is None
            await becomes(lambda: link.is_up)

    asyncio.run(scenario())


def test_a_refused_worker_waits_once_and_drops_the_cache_when_it_is_back(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_pause, "REFUSED_SECONDS", 0.2)
    link, other = RedisClient(address_of(valkey)), RedisClient(address_of(valkey))

    async def scenario() -> None:
        async with running(link, other):
            with redis_client(address_of(valkey)) as client:
                client.config_set("requirepass", "another")
                try:
                    assert link._connection
                    link._connection.abort()
                    assert not await link.execute_reliably("UNLINK", "token")
                    for _ in range(5):
                        async with asyncio.timeout(1):
                            assert not await link.execute_reliably("UNLINK", "token")
                    await other.call("SET", ROOT_STAMP, "stamp")
                finally:
                    client.config_set("requirepass", valkey.password)
            await becomes(lambda: link.is_up)
            assert await other.call("GET", ROOT_STAMP) is None

    asyncio.run(scenario())
