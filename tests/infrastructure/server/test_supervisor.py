"""The parent's decisions about workers, with doubles for the workers and the clock."""

import signal
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest

from infrastructure.server import supervisor
from infrastructure.server.http_protocol import DeadlineConfig
from infrastructure.server.supervisor import KILL_SECONDS, RETRY_SECONDS, Workers
from infrastructure.server.worker import FULL, LEAVING, SERVING, STARTING
from infrastructure.server.worker_process import HUNG_SECONDS, LOST, START_SECONDS, Worker

GRACE = 20
MIN_LIFETIME = 10


class Process:
    def __init__(self) -> None:
        self.pid, self.exitcode = 1, cast(int | None, None)
        self.sentinel = 0
        self.is_terminated = False

    def is_alive(self) -> bool:
        return self.exitcode is None

    def terminate(self) -> None:
        self.is_terminated = True

    def kill(self) -> None:
        self.exitcode = -signal.SIGKILL


class Double(Worker):
    def __init__(self, *_: object) -> None:
        self.process: Any = Process()
        self.state, self.silence, self.patience, self.kill_at = STARTING, 0.0, START_SECONDS, None

    def listen(self, seconds: float) -> None:
        self.silence += seconds

    def close(self) -> None:
        pass


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Parent(Workers):
    """A parent that a test drives round by round."""

    workers: list[Any]

    def __init__(self, count: int, listener: socket.socket) -> None:
        config = DeadlineConfig("main:app", request_header_seconds=1, request_body_seconds=1, log_config=None)
        config.timeout_graceful_shutdown = GRACE
        super().__init__(config, listener, count=count, max_requests=1, min_lifetime=MIN_LIFETIME)

    def round(self) -> list[bytes]:
        """Run one round, and return the states of all workers; `gone` for those that are told to leave."""
        self._look(cast(socket.socket, None))
        if not self._is_stopping:
            self._recycle()
            self._fill_up()
        return [worker.state if worker.stays else b"gone" for worker in self.workers]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", clock)
    monkeypatch.setattr(supervisor, "Worker", Double)
    monkeypatch.setattr(supervisor, "wait", lambda *_: [])
    return clock


@pytest.fixture
def parent(clock: Clock) -> Iterator[Parent]:
    """Yield a parent of two workers that serve."""
    with socket.socket() as listener:
        parent = Parent(2, listener)
        parent.round()
        for worker in parent.workers:
            worker.state, worker.patience = SERVING, HUNG_SECONDS
        assert parent.round() == [SERVING, SERVING]
        yield parent


def test_a_full_worker_leaves_after_its_successor_serves(parent: Parent, clock: Clock) -> None:
    clock.now += MIN_LIFETIME
    first, _ = parent.workers
    first.state = FULL
    assert parent.round() == [FULL, SERVING, STARTING]
    assert parent.round() == [FULL, SERVING, STARTING]
    assert not first.process.is_terminated
    parent.workers[2].state = SERVING
    assert parent.round() == [b"gone", SERVING, SERVING]
    assert first.process.is_terminated
    first.process.exitcode = 0
    assert parent.round() == [SERVING, SERVING]


def test_starting_workers_that_are_lost_do_not_end_the_service(parent: Parent) -> None:
    for worker in parent.workers:
        worker.state, worker.process.exitcode = STARTING, LOST
    assert parent.round() == [STARTING, STARTING]
    assert not any(worker.process.exitcode for worker in parent.workers)


def test_full_workers_leave_one_at_a_time_and_not_too_often(parent: Parent, clock: Clock) -> None:
    for worker in parent.workers:
        worker.state = FULL
    assert parent.round() == [FULL, FULL], "too soon after the start"
    clock.now += MIN_LIFETIME
    assert parent.round() == [FULL, FULL, STARTING]
    parent.workers[2].state = SERVING
    assert parent.round() == [b"gone", FULL, SERVING]
    clock.now += MIN_LIFETIME - 1
    assert parent.round() == [b"gone", FULL, SERVING]
    clock.now += 1
    assert parent.round() == [b"gone", FULL, SERVING, STARTING]


@pytest.mark.parametrize("victim", [0, 1, 2], ids=["the leaver", "another", "the successor"])
def test_a_death_during_a_replacement(parent: Parent, clock: Clock, victim: int) -> None:
    clock.now += MIN_LIFETIME
    parent.workers[0].state = FULL
    assert parent.round() == [FULL, SERVING, STARTING]
    parent.workers[victim].process.kill()
    assert (
        parent.round() == {0: [SERVING, STARTING], 1: [FULL, STARTING, STARTING], 2: [FULL, SERVING, STARTING]}[victim]
    )
    for worker in parent.workers:
        worker.state = FULL if worker.state == FULL else SERVING
    assert parent.round() == {0: [SERVING, SERVING], 1: [b"gone", *[SERVING] * 2], 2: [b"gone", *[SERVING] * 2]}[victim]


def test_a_successor_that_cannot_start_leaves_the_old_worker(parent: Parent, clock: Clock) -> None:
    clock.now += MIN_LIFETIME
    parent.workers[0].state = FULL
    assert parent.round() == [FULL, SERVING, STARTING]
    parent.workers[2].process.exitcode = 1
    assert parent.round() == [FULL, SERVING]
    clock.now += RETRY_SECONDS
    assert parent.round() == [FULL, SERVING, STARTING]


def test_a_worker_that_somebody_stops_is_replaced_at_once(parent: Parent) -> None:
    parent.workers[0].state = LEAVING
    assert parent.round() == [b"gone", SERVING, STARTING]


def test_a_hung_worker_is_replaced_and_delays_no_other(parent: Parent) -> None:
    hung, killed = parent.workers
    hung.silence = HUNG_SECONDS
    killed.process.kill()
    assert parent.round() == [SERVING, STARTING]
    hung.silence = HUNG_SECONDS + 0.1
    parent.round()
    assert hung.process.exitcode == -signal.SIGKILL
    assert parent.round() == [STARTING, STARTING]


def test_a_new_process_may_take_longer_for_its_first_report(parent: Parent) -> None:
    parent.workers[0].process.kill()
    assert parent.round() == [SERVING, STARTING]
    new = parent.workers[1]
    new.silence = START_SECONDS
    parent.round()
    assert new.process.exitcode is None
    new.silence = START_SECONDS + 0.1
    parent.round()
    assert new.process.exitcode == -signal.SIGKILL


def test_time_in_which_the_parent_is_stopped_is_no_silence_of_workers(
    parent: Parent, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_long(*_: object) -> list[object]:
        clock.now += 10 * HUNG_SECONDS
        return []

    monkeypatch.setattr(supervisor, "wait", wait_long)
    assert parent.round() == [SERVING, SERVING]
    assert parent.round() == [SERVING, SERVING]


def test_a_leaving_worker_is_killed_in_the_end(parent: Parent, clock: Clock) -> None:
    leaving = parent.workers[0]
    leaving.state = LEAVING
    parent.round()
    clock.now += GRACE + KILL_SECONDS
    parent.round()
    assert leaving.process.exitcode is None
    clock.now += 0.1
    parent.round()
    assert leaving.process.exitcode == -signal.SIGKILL


def test_the_service_stops_when_no_worker_can_start(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "refuse_connections", lambda _: None)
    with socket.socket() as listener:
        parent = Parent(2, listener)
        parent.round()
        failed, other = parent.workers
        failed.process.exitcode = 1
        assert parent.round() == [b"gone"]
        assert other.process.is_terminated
        assert parent._has_failed
        other.process.exitcode = 0
        assert parent.round() == []
