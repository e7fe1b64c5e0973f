"""Requests of other clients while something large happens: an open load, its latency, and the memory of the workers."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

from benchmarks.common.processes import resident_bytes
from benchmarks.common.programs import Program
from benchmarks.common.servers import Servers

RATE, THREADS = 100, 10


class Watched(NamedTuple):
    """What happened to the other requests, and the growth of memory of the worker that grew most."""

    p50_ms: float
    p99_ms: float
    rate: float
    megabytes: float


class Neighbours:
    """Clients that send RATE requests a second together. A late response delays none of the others' requests."""

    def __init__(self, program: Program, servers: Servers) -> None:
        self._program = program
        [(self._client,)] = servers.query("SELECT min(id_key) FROM clients")
        [(self._order,)] = servers.query("SELECT min(id_key) FROM orders")
        self._numbers = itertools.count()

    @contextmanager
    def watching(self) -> Iterator[Callable[[], Watched]]:
        """Send requests until the end of the block. The yielded function then returns what happened."""
        ended, times = threading.Event(), list[float]()
        workers = self._program.worker_processes()
        before = [resident_bytes(pid) for pid in workers]
        peaks = list(before)

        def measure_memory() -> None:
            while not ended.wait(0.1):
                peaks[:] = [max(peak, resident_bytes(pid)) for peak, pid in zip(peaks, workers, strict=True)]

        started = time.monotonic()
        threads = [threading.Thread(target=self._send, args=(ended, times)) for _ in range(THREADS)]
        threads.append(threading.Thread(target=measure_memory))
        for thread in threads:
            thread.start()
        try:
            yield lambda: _summary(times, started, [peak - size for peak, size in zip(peaks, before, strict=True)])
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def _send(self, ended: threading.Event, times: list[float]) -> None:
        connection = HTTPConnection("127.0.0.1", self._program.port, timeout=60)
        due = time.monotonic() + next(self._numbers) % THREADS / RATE
        while not ended.wait(max(0, due - time.monotonic())):
            method, path, body = self._request(next(self._numbers))
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status < 400, (path, answer.status)
            times.append(time.monotonic() - due)  # from when it was due, so that waiting counts
            due += THREADS / RATE
        connection.close()

    def _request(self, turn: int) -> tuple[str, str, bytes | None]:
        if turn % 10 == 0:
            items = [{"product_id": 1 + (turn * step) % 10_000, "quantity": 1} for step in (7, 11)]
            body = {"client_id": self._client, "delivery_method": 1, "payment_type": "cash", "items": items}
            return "POST", "/orders/checkout", json.dumps(body).encode()
        if turn % 2:
            return "GET", f"/products/{1 + turn % 100}", None
        return "GET", f"/orders/{self._order}", None


def _summary(times: list[float], started: float, growths: list[int]) -> Watched:
    ordered = sorted(times)
    p50, p99 = (1000 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
    return Watched(p50, p99, len(ordered) / (time.monotonic() - started), max(growths) / 1e6)
