"""Bounds of a request's head, and the headers `Host` and `Transfer-Encoding`, on a real server."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from infrastructure.server.address_limit import AddressLimit
from infrastructure.server.request_bounds import MAX_FIELDS, MAX_HEAD_BYTES
from tests.infrastructure.server.test_http_protocol import GET, POST, answer, is_cut, run, serving

REFUSED_AS_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = 16_384


async def exchange(*pieces: bytes) -> bytes:
    """Send the pieces, each after the loop has run, and return all that the server answers until it closes."""
    async with serving(request_header_seconds=5, request_body_seconds=5) as connect:
        reader, writer = await connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            writer.write_eof()
        except ConnectionError:
            pass
        answered = b""
        try:
            while data := await reader.read(65536):
                answered += data
        except ConnectionResetError:
            pass
        return answered


def in_pieces(data: bytes) -> list[bytes]:
    return [data[start : start + PIECE] for start in range(0, len(data), PIECE)]


def head(size: int, separator: bytes = b"\r\nx: ") -> bytes:
    """Return a request whose head has about `size` bytes."""
    return b"GET / HTTP/1.1\r\nHost: x\r\nx: " + separator.join([b"y" * 195] * (size // 200)) + b"\r\n\r\n"


TOO_LARGE = {
    "many headers": head(70_000),
    "tiny headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20_000,
    "one header": b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 10_000_000,
    "a name": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"y" * 10_000_000,
    "target": b"GET /" + b"y" * 10_000_000,
    "trailers": CHUNKED + b"1\r\na\r\n0\r\n" + b"x: y\r\n" * 1_000_000,
    "one trailer": CHUNKED + b"1\r\na\r\n0\r\nx: " + b"y" * 10_000_000,
    "headers and trailers": head(40_000).replace(b"GET / HTTP/1.1", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked")
    + b"0\r\nx: "
    + b"\r\nx: ".join([b"y" * 195] * 200)
    + b"\r\n\r\n",
    "short headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 10_000,
    "short headers with an end": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 600 + b"\r\n",
    "short trailers": CHUNKED + b"0\r\n" + b"a:b\r\n" * 600,
    "an extension of a chunk": CHUNKED + b"1;" + b"y" * 10_000_000,
    "extensions of chunks": CHUNKED + (b"1;" + b"y" * 1000 + b"\r\na\r\n") * 1000,
}


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE)
def test_large_head_is_refused_whatever_its_pieces(sent: bytes) -> None:
    async def test() -> None:
        for pieces in ([sent], in_pieces(sent)):
            assert (await exchange(*pieces)).startswith(REFUSED_AS_TOO_LARGE)

    run(test())


ACCEPTED = {
    "head": head(MAX_HEAD_BYTES - 1000),
    "two heads": head(40_000) * 2,
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * (MAX_FIELDS - 1) + b"\r\n",
    "body": POST.replace(b"10", b"1000000") + b"y" * 1_000_000,
    "tiny chunks": CHUNKED + b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n",
    "large chunks": CHUNKED + (b"10000\r\n" + b"y" * 65_536 + b"\r\n") * 100 + b"0\r\nx: y\r\n\r\n",
}


@pytest.mark.parametrize("sent", ACCEPTED.values(), ids=ACCEPTED)
def test_usual_request_is_answered_whatever_its_pieces(sent: bytes) -> None:
    async def test() -> None:
        for pieces in ([sent], in_pieces(sent)):
            assert (await exchange(*pieces)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test())


MALFORMED = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "two hosts of HTTP 1.0": b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "another coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "only another coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a coding and a length": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + b"0\r\n\r\n",
    "a coding in HTTP 1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_ambiguous_request_is_refused(sent: bytes) -> None:
    async def test() -> None:
        answered = await exchange(sent)
        assert answered.startswith(REFUSED)
        assert answered.endswith(b'\r\n\r\n{"detail":"Invalid HTTP request"}')

    run(test())


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: [::1]:8000\r\n\r\n",
        CHUNKED.replace(b"chunked", b"Chunked") + b"0\r\n\r\n",
    ],
)
def test_unusual_valid_request_is_answered(sent: bytes) -> None:
    async def test() -> None:
        assert (await exchange(sent)).startswith(b"HTTP/1.1 200 OK\r\n")

    run(test())


async def is_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(GET)
    try:
        return await answer(reader) == b"HTTP/1.1 200 OK"
    except (asyncio.IncompleteReadError, ConnectionError):
        return False


def test_connections_of_one_address_are_limited() -> None:
    async def test() -> None:
        async with serving(request_header_seconds=30) as connect:
            config = connect.config  # type: ignore[attr-defined]
            config.address_limit = AddressLimit(3, [])
            kept = [await connect() for _ in range(3)]
            refused, _ = await connect()
            assert await is_cut(refused)
            kept[0][1].close()
            await kept[0][1].wait_closed()
            while not await is_answered(*await connect()):
                """The server has not noticed the end of the other connection yet."""

    run(test())


@pytest.mark.parametrize(
    ("hosts", "trusted", "refused"),
    [
        (["192.0.2.1"] * 3, [], 1),
        (["192.0.2.1", "192.0.2.2"] * 2, [], 0),
        (["192.0.2.1"] * 3, ["192.0.2.0/24"], 0),
        (["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"], [], 1),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3"], [], 1),
        (["2001:db8::1", "2001:db8:0:1::2", "2001:db8:0:2::3"], [], 0),
        (["fe80::1%eth0"] * 3, [], 1),
    ],
)
def test_addresses(hosts: list[str], trusted: Sequence[str], refused: int, caplog: pytest.LogCaptureFixture) -> None:
    limit = AddressLimit(2, [ip_network(network) for network in trusted])
    count = 0
    for host in hosts:
        try:
            limit.enter(host)
        except ConnectionRefusedError:
            count += 1
    assert count == refused == caplog.text.count("are refused")
