"""What shows that Redis serves nobody: it refuses to be reached, or leaves something without a reply for long.

Writers then answer without having dropped what is cached, so nothing may count that can befall one worker alone.
"""

from time import monotonic

from infrastructure.redis.connect import NO_WAY, NOBODY_LISTENS, proof_of

OUTAGE = 1.6


class OutageDetector:
    def __init__(self) -> None:
        self._silent_since: float | None = None
        self._no_way_since: float | None = None
        self._refused_at = 0.0

    def waits(self) -> None:
        """Something has been sent and has no reply yet."""
        if self._silent_since is None:
            self._silent_since = monotonic()

    def heard(self) -> None:
        self._silent_since = self._no_way_since = None

    def failed(self, begun: float, error: Exception) -> None:
        """An attempt to reach Redis has. A time-out is no sign of it: the silence goes on."""
        if isinstance(error, TimeoutError):
            return
        proof = proof_of(error)
        self._silent_since = None
        self._no_way_since = (self._no_way_since or begun) if proof == NO_WAY else None
        if proof == NOBODY_LISTENS or (self._no_way_since and monotonic() - self._no_way_since >= OUTAGE):
            self._refused_at = begun

    def is_silent(self) -> bool:
        """For so long that no link can have had an answer in time."""
        return self._silent_since is not None and monotonic() - self._silent_since >= OUTAGE

    def is_proven(self, since: float) -> bool:
        """Whether Redis serves nobody, or an attempt begun after `since` has shown that it is gone."""
        return self._refused_at > since or self.is_silent()
