"""Schedule of the heartbeats of one client, and the judgement whether Redis answers them soon enough."""

from math import inf
from time import monotonic

from infrastructure.redis.availability.handshake import SLOW_SECONDS
from infrastructure.redis.protocol import Pipeline

HEARTBEAT_SECONDS = 0.3  # with 0.4 s, a reply after 0.6 s would come too late for the trust of 0.9 s
SLOW_HEARTBEATS = 3  # consecutive ones, so that one pause of Redis or the worker costs nothing
SLOW = f"it is slow: {SLOW_HEARTBEATS} heartbeats without a reply within {SLOW_SECONDS} s"


class Heartbeats:
    def __init__(self) -> None:
        self._newest: Pipeline | None = None
        self._sent_at = -inf
        self._is_judged = True
        self._late = 0

    def is_due(self) -> bool:
        return monotonic() - self._sent_at >= HEARTBEAT_SECONDS

    def note_sent(self, pipeline: Pipeline) -> None:
        self._newest, self._sent_at, self._is_judged = pipeline, monotonic(), False

    def is_unjudged(self) -> bool:
        """Return True once for each heartbeat: it is time to judge the newest one."""
        is_judged, self._is_judged = self._is_judged, True
        return not is_judged

    def is_slow(self) -> bool:
        """Judge the newest heartbeat. Return True if it is one too many without a reply."""
        is_late = self._newest is not None and not self._newest.is_done
        self._late = self._late + 1 if is_late else 0
        return self._late >= SLOW_HEARTBEATS
