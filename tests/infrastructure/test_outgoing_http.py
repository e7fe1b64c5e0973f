"""POST requests to URLs that strangers choose."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from ssl import SSLContext, create_default_context

import httpx2
import pytest

from infrastructure import outgoing_http
from infrastructure.embedded.ports import LOOPBACK
from infrastructure.outgoing_http import ForbiddenAddressError, OutgoingHttp, allowed_address, is_public
from tests.certificates import Authority
from tests.webhooks import Received, Receiver, receiver, reply

PRIVATE = (
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%2", "fc00::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "64:ff9b::7f00:1"),
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def post(url: str, tls: SSLContext | None = None, *, allow_private: bool = True, times: int = 1) -> list[int]:
    async def send() -> list[int]:
        async with OutgoingHttp(tls or create_default_context(), allow_private=allow_private) as http:
            return [await http.post(url, b"{}", {"webhook-id": "1"}) for _ in range(times)]

    return asyncio.run(send())


def test_public_addresses() -> None:
    assert [address for address in PRIVATE if is_public(address)] == []
    assert [address for address in PUBLIC if not is_public(address)] == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:7f00:1]", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"]
)
def test_private_hosts_are_refused_in_any_spelling(host: str) -> None:
    with pytest.raises(ForbiddenAddressError, match=r"private|not valid"):
        asyncio.run(allowed_address(f"https://{host}/", allow_private=False))


def test_plain_http_is_refused() -> None:
    with pytest.raises(ForbiddenAddressError, match="https"):
        asyncio.run(allowed_address("http://1.1.1.1/", allow_private=False))


def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(ForbiddenAddressError, match="private"):
        post("https://shop.example/", allow_private=False)


def look_up(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let the name server give one answer after another, and return the list of the names asked for."""
    asked, left = list[str](), list(answers)

    async def addresses_of(host: str) -> list[str]:
        asked.append(host)
        return left.pop(0)

    monkeypatch.setattr(outgoing_http, "addresses_of", addresses_of)
    return asked


def test_the_connection_goes_to_the_address_that_was_checked(
    web: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the second answer of the name server be another address: it is checked, too, and never used unchecked."""
    authority = Authority(tmp_path)
    web.server.socket = authority.server_context("shop.example").wrap_socket(web.server.socket, server_side=True)
    trusting = create_default_context(cafile=authority.file)
    url = f"https://shop.example:{web.server.server_port}/hooks?a=1"
    asked = look_up(monkeypatch, [LOOPBACK], [LOOPBACK])
    assert post(url, trusting, times=2) == [204, 204]
    assert asked == ["shop.example"] * 2
    first, _ = web.received
    assert first.headers["host"] == f"shop.example:{web.server.server_port}"
    assert first.path == "/hooks?a=1"
    look_up(monkeypatch, [LOOPBACK])
    with pytest.raises(httpx2.ConnectError, match=r"[Cc]ertificate"):
        post(url.replace("shop.example", "other.example"), trusting)
    look_up(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    assert asyncio.run(allowed_address(url, allow_private=False)) == "1.1.1.1"
    with pytest.raises(ForbiddenAddressError):
        post(url, trusting, allow_private=False)
    assert len(web.received) == 2


def test_redirects_are_not_followed(web: Receiver) -> None:
    for status in (301, 302, 303, 307, 308):
        web.reply = reply(status, Location=web.url)
        assert post(web.url) == [status]
    assert len(web.received) == 5


def test_a_huge_response_is_not_read(web: Receiver) -> None:
    sent = threading.Event()

    def endless(_: Received, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        try:
            while True:
                handler.wfile.write(b"x" * 65_536)
        except ConnectionError:
            sent.set()

    web.reply = endless
    assert post(web.url) == [200]
    assert sent.wait(30), "the connection is closed"


def test_a_slow_response_ends_after_the_timeout(web: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send a byte now and then, so that no single read takes long."""
    monkeypatch.setattr(outgoing_http, "TIMEOUT_SECONDS", 0.5)

    def trickle(_: Received, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    web.reply = trickle
    with pytest.raises(TimeoutError):
        post(web.url)


def test_no_answer_is_a_network_error() -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(httpx2.ConnectError):
        post(f"http://{LOOPBACK}:{port}/")
