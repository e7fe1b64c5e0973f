"""TLS: certificate and host name are checked, and each error names its remedy in one line."""

import asyncio
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.redis_config import redis_client
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability import retry_pause, supervisor
from infrastructure.redis.client import RedisClient
from tests.certificates import Authority
from tests.proxy import Proxy
from tests.redis_links import address_of, becomes, running
from tests.servers import freeze, thaw


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def proxy(valkey: ValkeyServer, authority: Authority) -> Iterator[Proxy]:
    with Proxy(valkey.port, authority.server_context("localhost")) as proxy:
        yield proxy


@pytest.fixture
def address(valkey: ValkeyServer, proxy: Proxy, authority: Authority) -> RedisAddress:
    return RedisAddress("localhost", proxy.port, 0, valkey.password, is_tls=True, ca_file=authority.file)


def first_line(link: RedisClient, caplog: pytest.LogCaptureFixture, level: int = logging.ERROR) -> str:
    """Return the only line of a client that cannot connect."""

    async def scenario() -> None:
        link.start()
        await link.wait_for_first_attempt()
        assert not link.is_up
        await link.stop()

    asyncio.run(scenario())
    [record] = caplog.records
    assert record.levelno == level
    [line] = record.getMessage().splitlines()
    return line


def test_commands_go_through_tls(valkey: ValkeyServer, address: RedisAddress) -> None:
    async def scenario() -> None:
        link = RedisClient(address)
        async with running(link):
            await link.call("SET", "key", "x" * 100_000)
            assert await link.execute_reliably("UNLINK", "key")

    asyncio.run(scenario())
    with redis_client(address) as client:
        assert not client.exists("key")


def test_a_frozen_server_is_noticed_behind_tls(valkey: ValkeyServer, address: RedisAddress) -> None:
    async def scenario() -> None:
        link, other = RedisClient(address), RedisClient(address_of(valkey))
        async with running(link, other):
            freeze(valkey)
            assert not await link.execute_reliably("UNLINK", "key")
            assert not other.is_up
            thaw(valkey)
            await becomes(lambda: link.is_up and other.is_up)

    asyncio.run(scenario())


def test_another_authority_is_refused(address: RedisAddress, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for file in (Authority(tmp_path, "another").file, None):
        caplog.clear()
        line = first_line(RedisClient(address._replace(ca_file=file)), caplog)
        assert "its certificate is not from a known CA, or has expired: set REDIS_CA_FILE" in line


def test_another_name_is_refused(address: RedisAddress, caplog: pytest.LogCaptureFixture) -> None:
    line = first_line(RedisClient(address._replace(host="127.0.0.1")), caplog)
    assert "its certificate names another host: use the name of the certificate in REDIS_URL" in line


def test_a_server_without_tls_is_named(
    valkey: ValkeyServer, address: RedisAddress, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "CONNECTION_TIMEOUT_SECONDS", 0.5)  # Valkey waits for the end of a line
    line = first_line(RedisClient(address._replace(port=valkey.port)), caplog, logging.WARNING)
    assert "use redis:// in REDIS_URL" in line


def test_tls_that_is_demanded_is_named(address: RedisAddress, caplog: pytest.LogCaptureFixture) -> None:
    line = first_line(RedisClient(address._replace(is_tls=False)), caplog)
    assert "if it demands TLS, use rediss:// in REDIS_URL" in line


def test_a_renewed_certificate_needs_no_restart(
    address: RedisAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_pause, "REFUSED_SECONDS", 0.05)
    file = Authority(tmp_path, "another").file

    async def scenario() -> None:
        link = RedisClient(address._replace(ca_file=file))
        link.start()
        await link.wait_for_first_attempt()
        assert not link.is_up
        assert address.ca_file
        shutil.copy(address.ca_file, file)
        await becomes(lambda: link.is_up)
        await link.stop()

    asyncio.run(scenario())


class TlsServer(ValkeyServer):
    """Redis with TLS of its own, beside its plain port."""

    def __init__(self, folder: Path, port: int, password: str, program: str, authority: Authority) -> None:
        super().__init__(folder, port, password)
        self.tls_port = free_port()
        self._program, self._authority = program, authority

    def _prepare(self) -> None:
        super()._prepare()
        certificate = self._authority.certify("localhost")
        with self._config.open("a") as config:
            config.write(f"tls-port {self.tls_port}\ntls-cert-file {certificate}\ntls-key-file {certificate}\n")
            config.write(f"tls-ca-cert-file {self._authority.file}\ntls-auth-clients no\n")

    def _command(self) -> list[str]:
        return [self._program, str(self._config)]


def test_a_redis_with_tls_of_its_own(address: RedisAddress, authority: Authority, tmp_path: Path) -> None:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed; the other tests put TLS in front of Valkey")
    with TlsServer(tmp_path, free_port(), "secret", program, authority) as server:
        link = RedisClient(address._replace(port=server.tls_port, password="secret"))

        async def scenario() -> None:
            async with running(link):
                await link.call("SET", "key", "x")
                assert await link.execute_reliably("UNLINK", "key")
                freeze(server)
                assert not await link.execute_reliably("UNLINK", "key")
                thaw(server)
                await becomes(lambda: link.is_up)

        asyncio.run(scenario())
