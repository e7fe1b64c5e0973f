"""Sliding window in the memory of one worker, for the time in which Redis does not count."""

from collections import deque
from collections.abc import Callable
from time import monotonic

from cachetools import TTLCache

MAX_ADDRESSES = 50_000
"""Bounds the memory. The address that was silent longest is forgotten first."""
EXACT_UP_TO = 1000
"""Up to this limit each request has its own entry; above it, requests within 1/1000 of the period share one."""


class LocalWindow:
    """Admits at most `calls` requests of an address in any span of `period_seconds`."""

    def __init__(self, calls: int, period_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._calls, self._period, self._clock = calls, period_seconds, clock
        self._grain = period_seconds / EXACT_UP_TO if calls > EXACT_UP_TO else 0.0
        # Entries of an address: the time, and the number of requests that were admitted then.
        self._admitted: TTLCache[str, deque[tuple[float, int]]] = TTLCache(MAX_ADDRESSES, period_seconds, clock)

    def admit(self, address: str, wanted: int) -> tuple[int, int, float]:
        """Return how many of the `wanted` are admitted, how many could follow, and the seconds until one more could."""
        now, entries = self._clock(), self._entries(address)
        free = self._calls - sum(count for _, count in entries)
        admitted = min(wanted, free)
        if admitted:
            shared = entries.pop()[1] if entries and self._is_same_grain(entries[-1][0], now) else 0
            entries.append((now, shared + admitted))
            self._admitted[address] = entries
        return admitted, free - admitted, entries[0][0] + self._period - now

    def take(self, address: str) -> int:
        """Forget the address, and return the number of its requests in the window."""
        entries = self._entries(address)
        self._admitted.pop(address, None)
        return sum(count for _, count in entries)

    def _is_same_grain(self, earlier: float, now: float) -> bool:
        return self._grain > 0 and earlier // self._grain == now // self._grain

    def _entries(self, address: str) -> deque[tuple[float, int]]:
        entries = self._admitted.get(address)
        if entries is None:
            return deque()
        oldest = self._clock() - self._period
        while entries and entries[0][0] <= oldest:
            entries.popleft()
        return entries
