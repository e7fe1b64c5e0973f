"""Hostile clients. Each attack lasts some seconds and returns the statuses that it got; 0 is none."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from multiprocessing.connection import Connection

from infrastructure.embedded.ports import LOOPBACK

ATTACKER = ("127.0.0.3", 0)
HOLD_SECONDS = 8
PIECE = 65_536
MEGABYTE = 1_000_000

Statuses = Counter[int]
Attack = Callable[[int], Awaitable[Statuses]]

HOST = b" HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /nothing" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
JSON = b"Content-Type: application/json\r\n"


async def trailers(port: int) -> Statuses:
    return await sent(port, CHUNKED + b"1\r\na\r\n0\r\n" + b"name: value\r\n" * (60 * MEGABYTE // 13))


async def small_headers(port: int) -> Statuses:
    """Send 10,000 headers in each of 20 requests at a time. One kind is below 64 KB in total, one above."""
    requests = [b"GET /" + HOST + line * 10_000 + b"\r\n" for line in (b"a:b\r\n", b"name: value\r\n")]
    return total(await asyncio.gather(*(sent(port, requests[number % 2]) for number in range(20))))


async def large_header(port: int) -> Statuses:
    return await sent(port, b"GET /" + HOST + b"x: " + b"y" * (40 * MEGABYTE) + b"\r\n\r\n")


async def silent(port: int) -> Statuses:
    return total(await asyncio.gather(*(held(port, b"") for _ in range(2000))))


async def open_heads(port: int) -> Statuses:
    """Hold 200 requests whose 490 headers do not end."""
    return total(await asyncio.gather(*(held(port, b"GET /" + HOST + b"a:b\r\n" * 490) for _ in range(200))))


async def slow_heads(port: int) -> Statuses:
    return total(await asyncio.gather(*(held(port, b"GET /" + HOST + b"x: ", drip=b"y") for _ in range(200))))


async def slow_bodies(port: int) -> Statuses:
    """Hold 200 bodies of almost the permitted size."""
    head = b"POST /products" + HOST + JSON + b"Content-Length: 1048576\r\n\r\n"
    return total(await asyncio.gather(*(held(port, head + b" " * MEGABYTE, drip=b" ") for _ in range(200))))


async def refusals(port: int) -> Statuses:
    """Repeat everything that is refused as too large, malformed or unstorable, on 20 connections at a time."""
    requests = list(refused())

    async def repeat(start: int) -> Statuses:
        return total([await sent(port, requests[(start + number) % len(requests)]) for number in range(50)])

    return total(await asyncio.gather(*map(repeat, range(20))))


def refused() -> Iterable[bytes]:
    yield b"GET /" + HOST + b"x: " + b"y" * 70_000 + b"\r\n\r\n"
    yield b"GET /" + b"y" * 70_000 + HOST + b"\r\n"
    yield b"POST /products" + HOST + JSON + b"Content-Length: 2000000\r\n\r\n" + b" " * 2_000_000
    yield b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
    yield b"POST /" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    yield b"hello\r\n\r\n"
    yield posted(b"/products", b"[" * 1_000_000)
    yield posted(b"/products", b"[" + b"1," * 500_000 + b"1]")
    items = b",".join(b'{"product_id":%s,"quantity":1}' % (b"7" * 4200) for _ in range(100))
    order = b'{"client_id":1,"delivery_method":1,"payment_type":"cash","items":[' + items + b"]}"
    yield posted(b"/orders/checkout", order)
    yield b"GET /products/" + b"7" * 4200 + HOST + b"Connection: close\r\n\r\n"


def posted(path: bytes, body: bytes) -> bytes:
    head = b"POST " + path + HOST + JSON + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


ATTACKS: dict[str, Attack] = {
    "60 MB of trailers": trailers,
    "20 x 10,000 small headers": small_headers,
    "one header of 40 MB": large_header,
    "2,000 silent connections": silent,
    "200 heads without an end": open_heads,
    "200 slow heads": slow_heads,
    "200 slow bodies of 1 MB": slow_bodies,
    "1,000 refused requests": refusals,
}


def attack(name: str, port: int, pipe: Connection) -> None:
    """Run one attack in a process of its own, because it would delay the probes in theirs."""
    pipe.send(dict(asyncio.run(ATTACKS[name](port))))


def total(parts: Iterable[Statuses]) -> Statuses:
    return sum(parts, Counter())


async def sent(port: int, data: bytes) -> Statuses:
    """Send all that the server takes, and return the status that it answers."""
    return await _exchange(port, data, b"", 0)


async def held(port: int, data: bytes, drip: bytes = b"") -> Statuses:
    """Send the data, then nothing or a few bytes a second, until the server closes or HOLD_SECONDS have passed."""
    return await _exchange(port, data, drip, HOLD_SECONDS)


async def _exchange(port: int, data: bytes, drip: bytes, seconds: float) -> Statuses:
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=ATTACKER)
    except OSError:
        return Counter([0])
    answering = asyncio.create_task(_status(reader))
    sending = asyncio.create_task(_send(writer, data, drip, seconds))
    try:
        await asyncio.wait([answering], timeout=seconds or 30)
        return Counter([answering.result() if answering.done() else 0])
    finally:
        for task in (sending, answering):
            task.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)
        writer.close()


async def _send(writer: asyncio.StreamWriter, data: bytes, drip: bytes, seconds: float) -> None:
    view = memoryview(data)
    for start in range(0, len(data), PIECE):
        writer.write(view[start : start + PIECE])
        await writer.drain()
    end = time.monotonic() + seconds
    while time.monotonic() < end and drip:
        await asyncio.sleep(0.5)
        writer.write(drip)
        await writer.drain()


async def _status(reader: asyncio.StreamReader) -> int:
    try:
        line = await reader.readline()
    except OSError:
        return 0
    return int(line.split()[1]) if line.startswith(b"HTTP/") else 0
