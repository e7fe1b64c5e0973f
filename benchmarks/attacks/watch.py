"""Memory of a worker and latency of its liveness probe, while something attacks it."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.common.processes import resident_bytes
from benchmarks.common.programs import Program
from infrastructure.embedded.ports import LOOPBACK

PROBE_ADDRESS = "127.0.0.2"  # the limit for connections counts by address, and attackers have another one
PAUSE_SECONDS, TIMEOUT_SECONDS = 0.02, 10


class Watch:
    """Figures of a program with one worker. Each probe is a connection of its own, like an orchestrator's."""

    def __init__(self, program: Program) -> None:
        [self._pid] = program.worker_processes()
        self._port = program.port
        self.before = resident_bytes(self._pid)
        self.highest, self.seconds, self.failures = self.before, [0.0], 0
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def growth_during(self) -> float:
        return (self.highest - self.before) / 1e6

    def growth_now(self) -> float:
        return (resident_bytes(self._pid) - self.before) / 1e6

    def median_ms(self) -> float:
        return 1000 * median(self.seconds)

    def slowest_ms(self) -> float:
        return 1000 * max(self.seconds)

    def _look(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            begin = time.monotonic()
            probe = http.client.HTTPConnection(LOOPBACK, self._port, TIMEOUT_SECONDS, source_address=(PROBE_ADDRESS, 0))
            try:
                probe.request("GET", "/health_check/live")
                self.failures += probe.getresponse().status != 200
            except (OSError, http.client.HTTPException):
                self.failures += 1
            finally:
                probe.close()
            self.seconds.append(time.monotonic() - begin)
            self.highest = max(self.highest, resident_bytes(self._pid))
