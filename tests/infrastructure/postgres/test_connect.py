"""Look-up of PostgreSQL's hosts: it does not block the event loop, and gives the same results as libpq's own."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.connect import resolve_hosts
from infrastructure.postgres.database import Database
from tests.redis_links import becomes

NAMES = {"one.test": ["192.0.2.1"], "two.test": ["192.0.2.2", "2001:db8::2"], "here.test": ["127.0.0.9", LOOPBACK]}

LookUp = Callable[..., list[Any]]


def look_up(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
    if host not in NAMES:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_UNSPEC, socket.SOCK_STREAM, 6, "", (address, port)) for address in NAMES[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def resolved(**dsn: Any) -> Mapping[str, Any]:
    return asyncio.run(resolve_hosts(dsn))


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("one.test", 5432, ("one.test", "192.0.2.1", "5432")),
        ("two.test", 5432, ("two.test,two.test", "192.0.2.2,2001:db8::2", "5432,5432")),
        ("two.test,one.test", "1,2", ("two.test,two.test,one.test", "192.0.2.2,2001:db8::2,192.0.2.1", "1,1,2")),
        ("one.test,two.test", "1", ("one.test,two.test,two.test", "192.0.2.1,192.0.2.2,2001:db8::2", "1,1,1")),
        ("nowhere.test,one.test", "1,2", ("one.test", "192.0.2.1", "2")),
        ("/tmp,@name,,one.test", "", ("/tmp,@name,,one.test", ",,,192.0.2.1", "")),
        ("/tmp,one.test", ",1", ("/tmp,one.test", ",192.0.2.1", ",1")),
        ("::1", 5432, ("::1", "::1", "5432")),
        ("fe80::1%eth0", 5432, ("fe80::1%eth0", "fe80::1%eth0", "5432")),
        ("127.0.0.1", 5432, ("127.0.0.1", "127.0.0.1", "5432")),
    ],
)
def test_each_host_gets_its_addresses(host: str, port: Any, expected: tuple[str, str, str]) -> None:
    assert resolved(host=host, port=port, dbname="shop") == {
        **dict(zip(("host", "hostaddr", "port"), expected, strict=True)),
        "dbname": "shop",
    }


@pytest.mark.usefixtures("names")
def test_addresses_from_other_sources_are_left_to_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = [
        {},
        {"host": ""},
        {"service": "shop"},
        {"host": "one.test", "service": "shop"},
        {"host": "one.test", "hostaddr": "192.0.2.9"},
        {"host": "one.test,two.test", "port": "1,2,3"},
    ]
    assert [resolved(**dsn) for dsn in given] == given
    assert resolved(host="one.test") == {"host": "one.test", "hostaddr": "192.0.2.1"}, "the port"
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.9")
    assert resolved(host="one.test") == {"host": "one.test"}


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("host", ["nowhere.test", "no..name", "x" * 300])
def test_unknown_host_is_a_connection_error(settings: Settings, host: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match=f'could not translate host name "{host}" to address'):
        resolved(host=host)
    away = Database(settings.model_copy(update={"postgres_host": host}))
    with pytest.raises(DatabaseUnavailableError, match="could not translate"):
        asyncio.run(away.reads.fetch("SELECT 1", {}))
    with pytest.raises(DatabaseUnavailableError, match="could not translate"):
        asyncio.run(away.writes.write("SELECT 1", {}))


def certificate(folder: Path, name: str) -> Path:
    """Write a self-signed certificate for a server name and its key to one file."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    signed = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(signed.public_bytes(Encoding.PEM) + secret)
    return file


@contextmanager
def secured_server(certificate: Path) -> Iterator[int]:
    """Yield the port of a server that does the TLS handshake, reads the start-up packet, and sends an error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        with listening.accept()[0] as plain:
            plain.recv(8)
            plain.sendall(b"S")
            with suppress(ssl.SSLError), context.wrap_socket(plain, server_side=True) as secured:
                secured.recv(1024)
                error = b"SFATAL\0C57P03\0Mreached\0\0"
                secured.sendall(b"E" + (len(error) + 4).to_bytes(4) + error)

    with socket.create_server((LOOPBACK, 0)) as listening, ThreadPoolExecutor(1) as threads:
        done = threads.submit(serve)
        yield listening.getsockname()[1]
        done.result(30)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("name", "told"), [("here.test", "reached"), ("one.test", 'for "one.test" does not match host name "here.test"')]
)
def test_certificates_are_checked_by_the_name(settings: Settings, tmp_path: Path, name: str, told: str) -> None:
    file = certificate(tmp_path, name)
    with secured_server(file) as port:
        asked = f"postgresql://shop@here.test:{port}/shop?sslmode=verify-full&sslrootcert={file}"
        database = Database(settings.model_copy(update={"database_url": SecretStr(asked)}))
        with pytest.raises(DatabaseUnavailableError, match=told):
            asyncio.run(database.reads.fetch("SELECT 1", {}))


@pytest.mark.usefixtures("names")
def test_connect_tries_the_next_address(settings: Settings) -> None:
    async def test() -> None:
        database = Database(settings.model_copy(update={"postgres_host": "here.test"}))
        assert await database.reads.fetch("SELECT 1", {}) == [(1,)]
        database.close()

    asyncio.run(test())


class SlowNames:
    """Name server that answers only after `answers` is set."""

    def __init__(self) -> None:
        self.is_asked, self.answers = threading.Event(), threading.Event()

    def look_up(self, *asked: Any, **how: Any) -> list[Any]:
        self.is_asked.set()
        assert self.answers.wait(30)
        return look_up(*asked, **how)


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> SlowNames:
    names = SlowNames()
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    return names


def test_a_slow_name_server_does_not_stop_the_event_loop(settings: Settings, slow_names: SlowNames) -> None:
    async def test() -> None:
        database = Database(settings.model_copy(update={"postgres_host": "here.test", "db_connect_timeout": 30}))
        reading = asyncio.create_task(database.reads.fetch("SELECT 1", {}))
        await becomes(lambda: slow_names.is_asked.is_set() or reading.done())
        assert not reading.done()
        slow_names.answers.set()
        assert await reading == [(1,)]
        database.close()

    asyncio.run(asyncio.wait_for(test(), 30))


def test_look_up_has_a_deadline(settings: Settings, slow_names: SlowNames) -> None:
    async def test() -> None:
        database = Database(settings.model_copy(update={"postgres_host": "here.test", "db_connect_timeout": 1}))
        try:
            with pytest.raises(DatabaseUnavailableError):
                await database.reads.fetch("SELECT 1", {})
            assert slow_names.is_asked.is_set()
        finally:
            slow_names.answers.set()

    asyncio.run(asyncio.wait_for(test(), 20))
