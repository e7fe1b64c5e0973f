"""Contract with the pinned Uvicorn: the API of its HTTP protocol on which DeadlineProtocol builds."""

import asyncio
import inspect
import pickle
import re
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState
from uvicorn.supervisors.statreload import StatReload

from config.settings import Settings
from infrastructure.server.http_protocol import DeadlineConfig, DeadlineProtocol
from tests.infrastructure.server.uvicorn_doubles import CHANGED, GET, Recorder, application, connect, run

REQUIREMENTS = Path(__file__).parents[3] / "requirements.txt"


def test_the_installed_version_is_the_pinned_one() -> None:
    pinned = re.findall(r"^uvicorn==(\S+)$", REQUIREMENTS.read_text(), re.MULTILINE)
    assert pinned == [uvicorn.__version__], "requirements.txt pins another Uvicorn: install it, or check this contract"


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (HttpToolsProtocol, "connection_made", ["self", "transport"]),
        (HttpToolsProtocol, "connection_lost", ["self", "exc"]),
        (HttpToolsProtocol, "data_received", ["self", "data"]),
        (HttpToolsProtocol, "_start_asgi_task", ["self", "cycle", "app"]),
        (HttpToolsProtocol, "on_message_begin", ["self"]),
        (HttpToolsProtocol, "on_headers_complete", ["self"]),
        (HttpToolsProtocol, "on_message_complete", ["self"]),
        (HttpToolsProtocol, "pause_writing", ["self"]),
        (HttpToolsProtocol, "resume_writing", ["self"]),
        (HttpToolsProtocol, "shutdown", ["self"]),
        (RequestResponseCycle, "send", ["self", "message"]),
        (Config, "load", ["self"]),
        (Server, "on_tick", ["self", "counter"]),
        (Server, "shutdown", ["self", "sockets"]),
        (Server, "handle_exit", ["self", "sig", "frame"]),
        (StatReload, "iter_py_files", ["self"]),
    ],
)
def test_overridden_methods_keep_their_parameters(owner: type, name: str, parameters: list[str]) -> None:
    method = getattr(owner, name, None)
    assert method, CHANGED + f"{owner.__name__} has no {name}"
    found = list(inspect.signature(method).parameters)
    assert found == parameters, CHANGED + f"{owner.__name__}.{name}({', '.join(found)})"


def test_the_parser_calls_the_overridden_methods_in_order() -> None:
    async def scenario() -> None:
        protocol, _ = connect()
        protocol.data_received(GET[:20])
        assert protocol.calls == ["on_message_begin"], CHANGED + str(protocol.calls)
        protocol.data_received(GET[20:])
        expected = ["on_message_begin", "on_headers_complete", "_start_asgi_task", "on_message_complete"]
        assert protocol.calls == expected, CHANGED + str(protocol.calls)

    run(scenario)


def test_a_request_has_a_new_cycle() -> None:
    async def scenario() -> None:
        protocol, transport = connect()
        assert protocol.cycle is None, CHANGED + "`cycle` before the first request"
        assert protocol.loop is asyncio.get_running_loop(), CHANGED + "`loop`"
        assert protocol.transport is transport, CHANGED + "`transport`"
        protocol.data_received(GET)
        [(cycle, app)] = protocol.started
        assert type(cycle) is RequestResponseCycle, CHANGED + f"class of the cycle: {type(cycle)}"
        assert cycle is protocol.cycle, CHANGED + "`cycle` of the current request"
        assert app is protocol.app, CHANGED + "application of a request"
        assert (cycle.scope["path"], cycle.scope["method"]) == ("/path", "GET"), CHANGED + f"`scope`: {cycle.scope}"
        assert (cycle.response_started, cycle.response_complete) == (False, False), CHANGED + "state of a new cycle"
        assert (cycle.keep_alive, cycle.disconnected) == (True, False), CHANGED + "state of a new cycle"

    run(scenario)


def test_without_a_limit_no_request_is_refused() -> None:
    """DeadlineProtocol sets the limit to None after the connection is made, and counts itself."""

    async def scenario() -> None:
        protocol, _ = connect(limit_concurrency=1)
        protocol.limit_concurrency = None
        protocol.data_received(GET)
        assert protocol.started[0][1] is protocol.app, CHANGED + "`limit_concurrency`"

    run(scenario)


@pytest.mark.parametrize("callback", ["on_headers_complete", "on_message_complete"])
def test_an_error_in_a_callback_ends_in_send_400_response(callback: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Recorder) -> None:
        raise KeyError

    sent: list[str] = []
    monkeypatch.setattr(Recorder, callback, fail)
    monkeypatch.setattr(Recorder, "send_400_response", lambda _, text: sent.append(text))

    async def scenario() -> None:
        protocol, transport = connect()
        protocol.data_received(GET)
        assert sent, CHANGED + "handling of errors in callbacks"
        assert not transport.written

    run(scenario)


def test_the_server_renews_the_list_of_default_headers() -> None:
    """DeadlineProtocol renders the list again only if its identity changes."""

    async def scenario() -> None:
        config = Config(application, log_config=None)
        config.load()
        server = Server(config)
        await server.on_tick(0)
        first = server.server_state.default_headers
        protocol, _ = connect(server.server_state)
        protocol.data_received(GET)
        assert protocol.cycle.default_headers is first, CHANGED + "`cycle.default_headers` is a copy"
        await server.on_tick(10)
        assert dict(first)[b"date"].endswith(b"GMT"), CHANGED + f"default headers: {first}"
        assert server.server_state.default_headers is not first, CHANGED + "the server changes the list in place"

    run(scenario)


def test_flow_control_tells_paused_reading_and_writing() -> None:
    async def scenario() -> None:
        protocol, transport = connect()
        flow = protocol.flow
        assert (flow.read_paused, flow.write_paused) == (False, False), CHANGED + "FlowControl at the start"
        protocol.pause_writing()
        assert (flow.read_paused, flow.write_paused) == (False, True), CHANGED + "FlowControl with paused writing"
        draining = asyncio.ensure_future(flow.drain())
        await asyncio.sleep(0)
        assert not draining.done(), CHANGED + "FlowControl.drain() does not wait"
        protocol.resume_writing()
        await draining
        protocol.data_received(GET + GET)
        assert (flow.read_paused, flow.write_paused) == (True, False), CHANGED + "FlowControl with a queued request"
        assert transport.paused, CHANGED + "reading goes on with a queued request"

    run(scenario)


def test_the_server_ticks_and_counts_requests() -> None:
    async def scenario() -> None:
        server = Server(Config(application, log_config=None))
        server.should_exit = True
        assert await server.on_tick(0), CHANGED + "`should_exit` does not end the server"
        assert server.started is False, CHANGED + "`started` of a new server"
        protocol, _ = connect(server.server_state)
        protocol.data_received(GET)
        assert server.server_state.total_requests in (0, 1), CHANGED + "`total_requests`"

    run(scenario)


class Connection:
    """A connection that records its shutdown and leaves the server."""

    def __init__(self, server: Server) -> None:
        self.server, self.was_told = server, False

    def shutdown(self) -> None:
        self.was_told = True
        self.server.server_state.connections.clear()


class Lifespan:
    async def shutdown(self) -> None:
        pass


def test_the_server_shuts_down_each_connection() -> None:
    async def scenario() -> None:
        server = Server(Config(application, log_config=None, lifespan="off"))
        server.servers, server.lifespan = [], cast(Any, Lifespan())
        connection = Connection(server)
        server.server_state.connections.add(cast(Any, connection))
        await server.shutdown([])
        assert connection.was_told, CHANGED + "the server does not call `shutdown` of its connections"

    run(scenario)


def test_a_failed_start_has_its_own_exit_code() -> None:
    assert STARTUP_FAILURE not in (0, 1), CHANGED + f"STARTUP_FAILURE is {STARTUP_FAILURE}"


def test_the_configuration_reaches_the_workers() -> None:
    config = DeadlineConfig("main:app", request_header_seconds=1, request_body_seconds=2, log_config=None)
    config.settings = Settings(jwt_secret="a secret that only the parent knows")
    copy = pickle.loads(pickle.dumps(config))
    assert copy.http is DeadlineProtocol, CHANGED + f"Config.http: {copy.http}"
    assert copy.deadlines == {"header": 1, "body": 2}, CHANGED + "Config loses attributes"
    assert copy.settings == config.settings, CHANGED + "Config loses attributes"


def test_a_lost_connection_marks_its_cycle() -> None:
    async def scenario() -> None:
        protocol, _ = connect(ServerState())
        protocol.data_received(GET)
        protocol.connection_lost(None)
        assert protocol.cycle.disconnected, CHANGED + "`cycle.disconnected`"

    run(scenario)
