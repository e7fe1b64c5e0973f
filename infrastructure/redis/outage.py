"""Detection of outages: Redis refuses connections, or leaves a command without a reply for OUTAGE_SECONDS.

During an outage, writers answer without invalidating the cache. So only evidence that holds for all workers counts.
"""

from time import monotonic

from infrastructure.redis.connect import Evidence, evidence_of

OUTAGE_SECONDS = 1.6  # longer than TRUST_SECONDS and REPLY_TIMEOUT_SECONDS together: no worker trusts Redis any more


class OutageDetector:
    """Evidence of an outage, collected from connection attempts and from missing replies."""

    def __init__(self) -> None:
        self._silent_since: float | None = None
        self._unreachable_since: float | None = None
        self._proving_attempt_at = 0.0  # start of the newest attempt that proved an outage

    def on_waiting(self) -> None:
        """Note that a connection attempt or a command has no reply yet."""
        if self._silent_since is None:
            self._silent_since = monotonic()

    def on_data(self) -> None:
        """Note that Redis has sent data."""
        self._silent_since = self._unreachable_since = None

    def on_failure(self, started_at: float, error: Exception) -> None:
        """Note that a connection or an attempt to connect has failed. A timeout changes nothing: the silence lasts."""
        if isinstance(error, TimeoutError):
            return
        evidence = evidence_of(error)
        self._silent_since = None
        self._unreachable_since = (self._unreachable_since or started_at) if evidence == Evidence.UNREACHABLE else None
        is_long = self._unreachable_since and monotonic() - self._unreachable_since >= OUTAGE_SECONDS
        if evidence == Evidence.REFUSED or is_long:
            self._proving_attempt_at = started_at

    def is_silent(self) -> bool:
        """Return True if no worker can have received a reply in time."""
        return self._silent_since is not None and monotonic() - self._silent_since >= OUTAGE_SECONDS

    def is_outage_proven(self, since: float) -> bool:
        """Return True if Redis is silent, or an attempt that started after `since` has proven an outage."""
        return self._proving_attempt_at > since or self.is_silent()
