"""Tests of the evidence for an outage, during which writers answer without invalidating the cache."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import hiredis
import pytest

from config.redis_config import redis_client
from config.redis_address import RedisAddress
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis import outage
from infrastructure.redis.client import RedisClient
from infrastructure.redis.outage import OUTAGE_SECONDS, OutageDetector
from infrastructure.redis.protocol import RedisDownError
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


def outage_proven_by(detector: OutageDetector, time: Time, error: Exception) -> list[bool]:
    """Return the verdict after each of three attempts that fail with `error`."""
    verdicts = []
    for _ in range(3):
        since, time.now = time.now, time.now + 0.6 * OUTAGE_SECONDS
        detector.on_waiting()
        detector.on_failure(time.now, error)
        verdicts.append(detector.is_hopeless(since))
    return verdicts


def test_a_refused_connection_proves_an_outage_at_once(time: Time) -> None:
    assert outage_proven_by(OutageDetector(), time, ConnectionRefusedError()) == [True, True, True]


@pytest.mark.parametrize(
    "error",
    [
        os_error(errno.EHOSTUNREACH),
        os_error(errno.ENETUNREACH),
        os_error(errno.EADDRNOTAVAIL),
        socket.gaierror(socket.EAI_NONAME, ""),
    ],
    ids=str,
)
def test_an_unreachable_host_proves_an_outage_after_a_while(time: Time, error: Exception) -> None:
    detector = OutageDetector()
    assert outage_proven_by(detector, time, error) == [False, False, True]
    detector.on_failure(time.now, os_error(errno.EMFILE))
    assert outage_proven_by(detector, time, error) == [False, False, True], "starts again"
    detector.on_data()
    assert outage_proven_by(detector, time, error) == [False, False, True], "starts again"


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
def test_an_error_that_may_affect_one_worker_only_proves_nothing(time: Time, error: Exception) -> None:
    assert outage_proven_by(OutageDetector(), time, error) == [False, False, False]


def test_an_attempt_that_started_earlier_proves_nothing(time: Time) -> None:
    detector = OutageDetector()
    detector.on_failure(time.now, ConnectionRefusedError())
    assert not detector.is_hopeless(time.now)


def test_an_unresolved_host_name_does_not_count_as_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        never = asyncio.Event()
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lambda *_, **__: never.wait())
        link = RedisClient(RedisAddress("redis.test", 6379, 0, ""))
        link.start()
        await asyncio.sleep(0)
        assert link._outage._silent_since is None
        await link.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("errors", "is_proof"),
    [
        ((ConnectionRefusedError(), ConnectionRefusedError()), True),
        ((ConnectionRefusedError(), os_error(errno.EMFILE)), False),
        ((os_error(errno.EMFILE), ConnectionRefusedError()), False),
    ],
)
def test_all_addresses_of_a_host_must_refuse(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[OSError, OSError], is_proof: bool
) -> None:
    failing = dict(zip(ADDRESSES, errors, strict=True))

    async def addresses(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ADDRESSES]

    async def connect(_: Callable[[], Any], host: str, port: int) -> Any:
        raise failing[host]

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", addresses)
        monkeypatch.setattr(loop, "create_connection", connect)
        link = RedisClient(RedisAddress("redis.test", 6379, 0, ""))
        link.start()
        execution = asyncio.create_task(link.execute_reliably("UNLINK", "token"))
        await asyncio.sleep(0.3)
        assert execution.done() == is_proof
        execution.cancel()
        await link.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize(("setting", "refusing"), [("maxclients", "1"), ("requirepass", "another")])
def test_a_redis_that_refuses_one_worker_may_serve_another(valkey: ValkeyServer, setting: str, refusing: str) -> None:
    link, other = RedisClient(address_of(valkey)), RedisClient(address_of(valkey))

    async def scenario() -> None:
        async with running(link, other):
            await other.call("SET", "token", 1)
            with redis_client(address_of(valkey)) as client:
                before = client.config_get(setting)[setting]
                client.config_set(setting, refusing)
                try:
                    assert link._connection
                    link._connection.abort()
                    await asyncio.sleep(1.5 * OUTAGE_SECONDS)
                    assert (link.is_up, other.is_up) == (False, True)
                    execution = asyncio.create_task(link.execute_reliably("UNLINK", "token"))
                    await asyncio.sleep(OUTAGE_SECONDS)
                    assert not execution.done(), "the other worker still serves cached responses"
                finally:
                    client.config_set(setting, before)
            assert await execution
            assert await other.call("GET", "token") is None
            await becomes(lambda: link.is_up)

    asyncio.run(scenario())
