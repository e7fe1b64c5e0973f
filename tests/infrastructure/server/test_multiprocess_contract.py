"""Contract with the pinned Uvicorn: its supervisor of worker processes, and the configuration that it passes on."""

import pickle
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, cast

import pytest
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import SIGNALS, Process

from infrastructure.server.http_protocol import DeadlineConfig, DeadlineProtocol
from tests.infrastructure.server.uvicorn_doubles import CHANGED


class Worker:
    """A worker without a process. It records the calls of its parent."""

    def __init__(self) -> None:
        self.pid, self.exitcode = 1, None
        self.calls: list[Any] = []

    def is_alive(self, timeout: float) -> bool:
        self.calls.append(timeout)
        return True

    def terminate(self) -> None:
        self.calls.append("terminate")

    def join(self) -> None:
        self.calls.append("join")


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def parent(worker: Worker) -> Iterator[Multiprocess]:
    """Return a parent of one worker, and restore the signal handlers afterwards."""
    own = {number: signal.getsignal(number) for number in SIGNALS}
    supervisor = Multiprocess(Config("main:app", workers=1, timeout_worker_healthcheck=7), [])
    supervisor.processes = [cast(Any, worker)]
    yield supervisor
    for number, handler in own.items():
        signal.signal(number, handler)


def test_a_health_check_has_the_configured_timeout(parent: Multiprocess, worker: Worker) -> None:
    parent.keep_subprocess_alive()
    assert worker.calls == [7], CHANGED + f"keep_subprocess_alive: {worker.calls}"


def test_a_stop_terminates_and_then_joins_all_workers(
    parent: Multiprocess, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "init_processes", lambda: None)
    parent.should_exit.set()
    parent.run()
    assert worker.calls == ["terminate", "join"], CHANGED + f"Multiprocess.run: {worker.calls}"


def test_a_worker_has_a_process_and_a_pipe() -> None:
    worker = Process(Config("main:app", workers=1), [])
    assert isinstance(getattr(worker, "child_conn", None), Connection), CHANGED + "Process.child_conn"
    state = worker.process.is_alive(), worker.pid, worker.exitcode
    assert state == (False, None, None), CHANGED + f"Process before its start: {state}"
    for _ in range(2):
        worker.child_conn.close()  # Workers closes it before each health check
    assert worker.parent_conn.poll(5), CHANGED + "the parent does not see that the pipe is closed"
    worker.parent_conn.close()


def test_a_failed_start_has_its_own_exit_code() -> None:
    assert STARTUP_FAILURE not in (0, 1), CHANGED + f"STARTUP_FAILURE is {STARTUP_FAILURE}"


def test_the_configuration_reaches_the_workers() -> None:
    config = DeadlineConfig("main:app", request_header_seconds=1, request_body_seconds=2, log_config=None)
    copy = pickle.loads(pickle.dumps(config))
    assert copy.http is DeadlineProtocol, CHANGED + f"Config.http: {copy.http}"
    assert copy.deadlines == {"header": 1, "body": 2}, CHANGED + "Config loses attributes"
