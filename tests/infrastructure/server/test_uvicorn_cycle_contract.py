"""Contract with the pinned Uvicorn: the response cycle. A raw response must leave the state of two calls of `send`."""

import asyncio

import pytest
from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE
from uvicorn.server import ServerState

from infrastructure.server.http_protocol import DeadlineConfig, DeadlineProtocol
from tests.infrastructure.server.uvicorn_doubles import (
    BODY,
    CHANGED,
    GET,
    START,
    Transport,
    application,
    connect,
    run,
)


def test_two_messages_leave_the_state_of_a_raw_response() -> None:
    async def scenario() -> None:
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        protocol, transport = connect(state)
        protocol.data_received(GET)
        cycle, done = protocol.cycle, list[bool]()
        cycle.on_response = lambda: done.append(True)
        cycle.message_event.clear()
        states = []
        for message in (START, BODY):
            await cycle.send(message)  # type: ignore[arg-type] # a dictionary of one of the TypedDicts
            states.append((cycle.response_started, cycle.response_complete, cycle.chunked_encoding))
        assert states == [(True, False, False), (True, True, False)], CHANGED + f"state after the messages: {states}"
        assert cycle.message_event.is_set(), CHANGED + "`message_event` after the body"
        assert done == [True], CHANGED + "`on_response` after the body"
        expected = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 4\r\n\r\nbody"
        assert b"".join(transport.written) == expected, CHANGED + f"bytes of a response: {transport.written}"
        assert not transport.closed, CHANGED + "a kept-alive connection is closed"

    run(scenario)


def test_a_cycle_without_keep_alive_closes_the_connection() -> None:
    async def scenario() -> None:
        protocol, transport = connect()
        protocol.data_received(GET)
        protocol.cycle.keep_alive = False
        for message in (START, BODY):
            await protocol.cycle.send(message)  # type: ignore[arg-type]
        assert b"\r\nconnection: close\r\n\r\n" in b"".join(transport.written), CHANGED + "`connection: close`"
        assert transport.closed, CHANGED + "the connection stays open"

    run(scenario)


def test_a_converted_cycle_writes_once() -> None:
    """Let Uvicorn run a cycle of another class, whose `send` it must look up after `_start_asgi_task`."""

    async def scenario() -> None:
        seconds = {"request_header_seconds": 9.0, "request_body_seconds": 9.0}
        config = DeadlineConfig(application, ws="none", log_config=None, **seconds)
        transport, protocol = Transport(), DeadlineProtocol(config, ServerState(), {})
        protocol.connection_made(transport)
        protocol.data_received(GET)
        await asyncio.gather(*protocol.tasks)
        expected = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"
        assert transport.written == [expected], CHANGED + f"writes of a converted cycle: {transport.written}"
        protocol.connection_lost(None)

    run(scenario)


@pytest.mark.parametrize(("status", "line"), [(200, b"200 OK"), (404, b"404 Not Found"), (599, b"599 ")])
def test_status_lines_are_complete(status: int, line: bytes) -> None:
    assert STATUS_LINE[status] == b"HTTP/1.1 " + line + b"\r\n", CHANGED + f"STATUS_LINE: {STATUS_LINE[status]!r}"


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"\x00", b"\x7f"])
def test_control_characters_in_header_values_are_found(value: bytes) -> None:
    assert HEADER_VALUE_RE.search(value), CHANGED + f"HEADER_VALUE_RE accepts {value!r}"


@pytest.mark.parametrize("value", [b"", b"text/plain; charset=utf-8", b"a\tb", b"\xc3\xa4"])
def test_other_header_values_pass(value: bytes) -> None:
    assert not HEADER_VALUE_RE.search(value), CHANGED + f"HEADER_VALUE_RE rejects {value!r}"
