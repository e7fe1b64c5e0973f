"""Tests of the deadlines for clients, on a real server with very short ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Server

from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.server.http_protocol import WRITE_RAW, DeadlineConfig

SECONDS = 0.2
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

answered: list[str] = []

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the request and answer `ok`. The paths /slow, /early and /large delay, hasten or enlarge the response."""
    if scope["path"] == "/whole":
        await answer_whole(scope, send)
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(SECONDS * 3)
    body = b"0123456789abcdef" * 2_000_000 if scope["path"] == "/large" else b"ok"
    if scope["method"] == "POST" and scope["path"] != "/early":
        while (await receive()).get("more_body"):
            pass
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[:-1], "more_body": True})
    await send({"type": "http.response.body", "body": body[-1:]})


async def answer_whole(scope: Any, send: Any) -> None:
    """Answer a megabyte, in one write if the server offers it."""
    answered.append(scope["path"])
    length, body = b"%d" % 2**20, bytes(2**20)
    if WRITE_RAW in scope:
        scope[WRITE_RAW](b"HTTP/1.1 200 OK\r\ncontent-length: " + length + b"\r\n", body)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Connect]:
    deadlines = {"request_header_seconds": SECONDS, "request_body_seconds": SECONDS}
    port = free_port()
    config = DeadlineConfig(app, port=port, lifespan="off", log_config=None, ws="none", **{**deadlines, **options})
    server = Server(config)
    running = asyncio.create_task(server.serve())
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writers.append(writer)
        return reader, writer

    while not server.started:  # noqa: ASYNC110 # Uvicorn has no event for it
        await asyncio.sleep(0.01)
    connect.config = config  # type: ignore[attr-defined] # for tests that change it
    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()
        server.should_exit = True
        await running


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def is_cut(reader: asyncio.StreamReader) -> bool:
    """Wait until the server has closed the connection, and return True."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionResetError:
        pass
    return True


async def answer(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readuntil(b"\r\n\r\nok")).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", GET[:-2], POST, POST + b"12345", GET + GET[:-2]],
    ids=["nothing", "a-word", "half-a-header", "no-body", "half-a-body", "half-a-second-request"],
)
def test_a_silent_client_is_disconnected(sent: bytes) -> None:
    async def test() -> None:
        async with serving() as connect:
            reader, writer = await connect()
            writer.write(sent)
            assert await is_cut(reader)

    run(test())


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", GET, POST], ids=["header", "empty-lines", "body"])
def test_single_bytes_do_not_extend_the_deadline(start: bytes) -> None:
    async def test() -> None:
        async with serving() as connect:
            reader, writer = await connect()
            writer.write(start)
            cut = asyncio.create_task(is_cut(reader))
            drop = {GET: b"\r\n", POST: b"1"}.get(start, b"x")
            sent = 0
            while not cut.done() and (start != POST or sent < 9):
                writer.write(drop)
                sent += 1
                await asyncio.sleep(SECONDS / 8)
            await cut

    run(test())


@pytest.mark.parametrize("begin", [b"", b"01234"])
def test_a_missing_body_is_cut_also_after_an_early_response(begin: bytes) -> None:
    async def test() -> None:
        async with serving() as connect:
            reader, writer = await connect()
            writer.write(POST.replace(b"/", b"/early", 1) + begin)
            assert await answer(reader) == b"HTTP/1.1 200 OK"
            writer.write(begin[:1])
            assert await is_cut(reader)

    run(test())


def test_a_client_that_does_not_read_its_response_is_disconnected() -> None:
    async def test() -> None:
        async with serving() as connect:
            reader, writer = await connect()
            writer.transport.pause_reading()  # type: ignore[attr-defined] # a ReadTransport, whatever its annotation
            writer.write(GET.replace(b"/", b"/large", 1))
            await asyncio.sleep(SECONDS * 3)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await reader.readexactly(32_000_000)

    run(test())


def test_a_client_that_does_not_read_gets_a_bounded_number_of_responses() -> None:
    """Pipelined requests come without waiting for responses. Unread responses would fill the memory."""

    async def test() -> None:
        answered.clear()
        async with serving() as connect:
            reader, writer = await connect()
            writer.transport.pause_reading()  # type: ignore[attr-defined] # a ReadTransport, whatever its annotation
            writer.write(GET.replace(b"/", b"/whole", 1) * 100)
            await asyncio.sleep(SECONDS * 3)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert await is_cut(reader)
        assert 0 < len(answered) < 50, "more responses than the socket buffers and the server's buffer hold"

    run(test())


def test_a_client_that_reads_late_gets_all_responses() -> None:
    async def test() -> None:
        async with serving(request_body_seconds=20) as connect:
            reader, writer = await connect()
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(GET.replace(b"/", b"/whole", 1) * 20)
            await asyncio.sleep(SECONDS)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(20):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
                await reader.readexactly(2**20)

    run(test())


def test_a_slow_response_and_an_idle_connection_are_not_cut() -> None:
    async def test() -> None:
        async with serving(timeout_keep_alive=30) as connect:
            reader, writer = await connect()
            for _ in range(2):
                writer.write(GET.replace(b"/", b"/slow", 1))
                assert await answer(reader) == b"HTTP/1.1 200 OK"
                await asyncio.sleep(SECONDS * 3)
                writer.write(POST.replace(b"/", b"/slow", 1) + b"0123456789")
                assert await answer(reader) == b"HTTP/1.1 200 OK"

    run(test())


def test_silent_sockets_do_not_count_as_requests() -> None:
    async def test() -> None:
        async with serving(limit_concurrency=1, request_header_seconds=30) as connect:
            for _ in range(8):
                await connect()
            reader, writer = await connect()
            writer.write(GET)
            assert await answer(reader) == b"HTTP/1.1 200 OK"

    run(test())
