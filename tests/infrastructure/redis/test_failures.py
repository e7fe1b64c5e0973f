"""Lasting refusals of real servers: one ERROR with the remedy at the start, and a recovery without a restart."""

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from fastapi import FastAPI
from pydantic import SecretStr

from config.redis_config import redis_client
from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.availability import retry_pause
from infrastructure.redis.client import RedisClient
from main import create_fastapi_app
from tests.redis_links import address_of, becomes
from tests.servers import ROOT, VALKEY_PASSWORD

GUIDE = (ROOT / "docs" / "REDIS_IMPLEMENTATION_GUIDE.md").read_text()
PREFIX = "shop"
PASSWORD = "p@ss/w:rd"
UNCHECKED = {"lpop", "lset", "exists"}  # rights that a script needs only with data


def documented_rule(prefix: str = f"{PREFIX}:") -> list[str]:
    """Return the rule of the guide, without the user's name and password."""
    [rule] = re.findall(r"^ACL SETUSER \S+ (.+?)$(?=\n```)", GUIDE, re.MULTILINE | re.DOTALL)
    words = rule.replace("\\\n", " ").replace("PREFIX:", prefix).split()
    return [word for word in words if not word.startswith(">")]


class OtherServer(ValkeyServer):
    """Valkey in a mode in which the service cannot use it."""

    mode = ""

    def _prepare(self) -> None:
        super()._prepare()
        with self._config.open("a") as config:
            config.write(f"dir {self.folder}\n{self.mode}")  # where a node writes nodes.conf


class ClusterNode(OtherServer):
    mode = "cluster-enabled yes\n"


def line_of(link: RedisClient, caplog: pytest.LogCaptureFixture) -> str:
    """Return the only line of a client that starts, and is refused."""
    caplog.clear()

    async def scenario() -> None:
        link.start()
        await link.wait_for_first_attempt()
        assert not link.is_up
        await link.stop()

    asyncio.run(scenario())
    [record] = [one for one in caplog.records if one.levelno > logging.INFO]
    assert record.levelno == logging.ERROR
    [line] = record.getMessage().splitlines()
    return line


def test_wrong_addresses_and_credentials_are_named(valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    address = address_of(valkey)
    for wrong, remedy in (
        (address._replace(password="wrong"), "correct REDIS_USERNAME and REDIS_PASSWORD"),
        (address._replace(username="nobody"), "correct REDIS_USERNAME and REDIS_PASSWORD"),
        (address._replace(password=""), "set REDIS_PASSWORD"),
        (address._replace(db=99), "correct REDIS_DB"),
    ):
        line = line_of(RedisClient(wrong), caplog)
        assert remedy in line
        assert "wrong" not in line


def test_a_node_of_a_cluster_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ClusterNode(tmp_path, free_port(), VALKEY_PASSWORD) as server:
        assert "it is a node of a cluster" in line_of(RedisClient(address_of(server)), caplog)


def test_another_protocol_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            link = RedisClient(RedisAddress("127.0.0.1", server.sockets[0].getsockname()[1], 0, ""))
            link.start()
            await link.wait_for_first_attempt()
            await link.stop()

    asyncio.run(scenario())
    assert "it does not speak the protocol of Redis; if it demands TLS, use rediss://" in caplog.text


class Shop:
    """A user of Redis with the documented rights, and an application that uses it."""

    def __init__(self, valkey: ValkeyServer, settings: Settings, admin: redis.Redis) -> None:
        self.valkey, self._admin = valkey, admin
        self._settings = settings.model_copy(
            update={
                "redis_host": "127.0.0.1",
                "redis_port": valkey.port,
                "redis_username": PREFIX,
                "redis_password": SecretStr(PASSWORD),
                "redis_prefix": PREFIX,
                "rate_limit_enabled": True,
            }
        )

    def grant(self, *rights: str) -> None:
        client: Any = self._admin
        client.execute_command("ACL", "SETUSER", PREFIX, *rights)

    def app(self) -> FastAPI:
        return create_fastapi_app(self._settings)


def link_of(app: FastAPI) -> RedisClient:
    link: RedisClient = app.state.app_context.redis
    return link


@pytest.fixture
def shop(valkey: ValkeyServer, settings: Settings) -> Iterator[Shop]:
    with redis_client(address_of(valkey)) as admin:
        admin.flushall()
        shop = Shop(valkey, settings, admin)
        shop.grant("reset", f">{PASSWORD}", *documented_rule())
        yield shop
        admin.acl_deluser(PREFIX)


def test_each_missing_right_is_named(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    commands = [word[1:] for word in documented_rule() if word.startswith("+")]
    assert "evalsha" in commands
    for command in set(commands) - UNCHECKED - {"auth", "select"}:
        shop.grant(f"-{command}")
        line = line_of(link_of(shop.app()), caplog)
        assert "the user lacks a right" in line
        assert command.split("|", maxsplit=1)[0] in line
        shop.grant(f"+{command}")


def test_a_missing_right_on_the_keys_is_named(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.grant("resetkeys", "~another:*")
    assert "the user lacks a right" in line_of(link_of(shop.app()), caplog)


def test_a_granted_right_needs_no_restart(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_pause, "REFUSED_SECONDS", 0.1)

    async def scenario() -> None:
        link = link_of(shop.app())
        shop.grant("-mget")
        link.start()
        await link.wait_for_first_attempt()
        assert not link.is_up
        assert await link.execute_reliably("UNLINK", f"{PREFIX}:token"), "the right to delete stamps suffices"
        shop.grant("+mget")
        await becomes(lambda: link.is_up)
        await link.stop()

    asyncio.run(scenario())
