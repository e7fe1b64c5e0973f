"""Latencies over time: a few connections that send a request again and again beside the load of wrk."""

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.common.programs import Program
from infrastructure.embedded.ports import LOOPBACK

CONNECTIONS, PAUSE_SECONDS, LOOK_SECONDS = 8, 0.01, 0.05


class Span(NamedTuple):
    """A request, or the replacement of a worker: times of the monotonic clock."""

    begin: float
    end: float

    def overlaps(self, others: Sequence["Span"]) -> bool:
        return any(self.begin < other.end and other.begin < self.end for other in others)


class Probe:
    """Records every request of its own, and every time with more worker processes than usual."""

    def __init__(self, program: Program, path: str) -> None:
        self.requests: list[Span] = []
        self.replacements: list[Span] = []
        self.errors = 0
        self._program, self._path = program, path
        self._ended = threading.Event()

    def p99_ms(self, *, during_replacements: bool) -> float:
        """Return 0 if there was no request during, or outside, a replacement."""
        chosen = sorted(
            request.end - request.begin
            for request in self.requests
            if request.overlaps(self.replacements) is during_replacements
        )
        return 1000 * chosen[int(len(chosen) * 0.99)] if chosen else 0

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask) for _ in range(CONNECTIONS)]
        threads.append(threading.Thread(target=self._watch))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, self._program.port, timeout=10)
        while not self._ended.wait(PAUSE_SECONDS):
            begin = time.monotonic()
            try:
                connection.request("GET", self._path)
                response = connection.getresponse()
                response.read()
                self.errors += response.status != 200
            except (OSError, http.client.HTTPException):
                self.errors += 1
                connection.close()
            self.requests.append(Span(begin, time.monotonic()))
        connection.close()

    def _watch(self) -> None:
        """A replacement lasts from the start of the successor to the end of its predecessor."""
        begin = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            is_replacing, now = len(self._program.worker_processes()) > self._program.workers, time.monotonic()
            if is_replacing and not begin:
                begin = now - LOOK_SECONDS
            elif begin and not is_replacing:
                self.replacements.append(Span(begin, now))
                begin = 0.0
        if begin:
            self.replacements.append(Span(begin, time.monotonic()))
