"""What counts as proof that Redis serves nobody: writers then answer without having dropped anything."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import hiredis
import pytest

from config.redis_config import redis_client
from config.settings import RedisAddress
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis import outage as redis_absence
from infrastructure.redis.client import RedisClient
from infrastructure.redis.outage import OUTAGE, OutageDetector
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
    monkeypatch.setattr(redis_absence, "monotonic", time)
    return time


def of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def proven_for(absence: OutageDetector, time: Time, error: Exception) -> list[bool]:
    """After each of three attempts, which all fail in this way."""
    told = []
    for _ in range(3):
        since, time.now = time.now, time.now + 0.6 * OUTAGE
        absence.waits()
        absence.failed(time.now, error)
        told.append(absence.is_proven(since))
    return told


def test_a_refused_connection_is_proof_at_once(time: Time) -> None:
    assert proven_for(OutageDetector(), time, ConnectionRefusedError()) == [True, True, True]


@pytest.mark.parametrize(
    "error",
    [of(errno.EHOSTUNREACH), of(errno.ENETUNREACH), of(errno.EADDRNOTAVAIL), socket.gaierror(socket.EAI_NONAME, "")],
    ids=str,
)
def test_no_way_there_is_proof_when_it_has_lasted(time: Time, error: Exception) -> None:
    absence = OutageDetector()
    assert proven_for(absence, time, error) == [False, False, True]
    absence.failed(time.now, of(errno.EMFILE))
    assert proven_for(absence, time, error) == [False, False, True], "begins anew"
    absence.heard()
    assert proven_for(absence, time, error) == [False, False, True], "begins anew"


@pytest.mark.parametrize(
    "error",
    [
        hiredis.ReplyError("ERR max number of clients reached"),
        hiredis.ProtocolError("not Redis"),
        RedisDownError("connection lost"),
        of(errno.ECONNRESET),
        *map(of, (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EACCES, errno.EPERM)),
        socket.gaierror(socket.EAI_AGAIN, ""),
        OSError("nobody knows"),
    ],
    ids=str,
)
def test_what_does_not_tell_of_redis_is_never_proof(time: Time, error: Exception) -> None:
    assert proven_for(OutageDetector(), time, error) == [False, False, False]


def test_an_attempt_that_began_before_is_no_proof(time: Time) -> None:
    absence = OutageDetector()
    absence.failed(time.now, ConnectionRefusedError())
    assert not absence.is_proven(time.now)


def test_a_name_that_is_not_told_is_not_the_silence_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
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
        ((ConnectionRefusedError(), of(errno.EMFILE)), False),
        ((of(errno.EMFILE), ConnectionRefusedError()), False),
    ],
)
def test_all_addresses_of_a_name_have_to_agree(
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
        delivery = asyncio.create_task(link.deliver("UNLINK", "token"))
        await asyncio.sleep(0.3)
        assert delivery.done() == is_proof
        delivery.cancel()
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
                    await asyncio.sleep(1.5 * OUTAGE)
                    assert (link.is_up, other.is_up) == (False, True)
                    delivery = asyncio.create_task(link.deliver("UNLINK", "token"))
                    await asyncio.sleep(OUTAGE)
                    assert not delivery.done(), "the other may be asked for what it has cached"
                finally:
                    client.config_set(setting, before)
            assert await delivery
            assert await other.call("GET", "token") is None
            await becomes(lambda: link.is_up)

    asyncio.run(scenario())
