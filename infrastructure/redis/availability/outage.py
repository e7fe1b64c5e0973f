"""Detection of outages: the time from which on a writer need not wait for Redis to delete its stamps.

During an outage, writers answer without invalidating the cache. So an outage begins only when no worker trusts Redis
any more, as far as one worker can know.
"""

from time import monotonic

from infrastructure.redis.connect import is_unserved

OUTAGE_SECONDS = 1.6  # longer than TRUST_SECONDS and REPLY_TIMEOUT_SECONDS together: no worker trusts Redis any more
# Patience with failures that may concern this worker only, such as an error reply. Waiting longer would prove nothing.
PATIENCE_SECONDS = 2.5


class OutageDetector:
    """Evidence of an outage, collected from connection attempts and from missing replies."""

    def __init__(self, settling_seconds: float = 0.0) -> None:
        """Build a detector without evidence. It has more patience with a master that takes some time to settle."""
        self.patience_seconds = PATIENCE_SECONDS + settling_seconds
        self._silent_since: float | None = None
        self._unserved_since: float | None = None
        self._failing_since: float | None = None
        self._failed_attempt_at = 0.0  # start of the newest failed attempt
        self._is_refused = False

    def on_waiting(self) -> None:
        """Note that a connection attempt or a command has no reply yet."""
        if self._silent_since is None:
            self._silent_since = monotonic()

    def on_data(self) -> None:
        """Note that Redis has sent data."""
        self._silent_since = self._unserved_since = None

    def on_failure(self, started_at: float, error: Exception, is_refusal: bool = False) -> None:
        """Note that a connection or an attempt to connect has failed. A timeout changes nothing: the silence lasts.

        `is_refusal` tells that further attempts fail as well until somebody repairs the cause.
        """
        if isinstance(error, TimeoutError):
            return
        now = monotonic()
        self._silent_since = None
        self._failed_attempt_at = started_at
        self._failing_since = self._failing_since or now
        self._unserved_since = (self._unserved_since or now) if is_unserved(error) else None
        self._is_refused = is_refusal

    def on_up(self) -> None:
        """Note that Redis has acknowledged a handshake."""
        self._unserved_since = self._failing_since = None
        self._is_refused = False

    def is_silent(self) -> bool:
        """Return True if no worker can have received a reply in time."""
        return _has_lasted(self._silent_since, OUTAGE_SECONDS)

    def is_unserved(self, since: float) -> bool:
        """Return True if nothing answers at the address, so that no worker can have received a reply in time.

        An attempt that started after `since` has failed, or none can succeed.
        """
        return self._is_failing_since(since) and _has_lasted(self._unserved_since, OUTAGE_SECONDS)

    def is_failing(self, since: float) -> bool:
        """Return True if Redis has failed this worker for longer than its patience, and still does so."""
        return self._is_failing_since(since) and _has_lasted(self._failing_since, self.patience_seconds)

    def _is_failing_since(self, since: float) -> bool:
        return self._is_refused or self._failed_attempt_at > since


def _has_lasted(since: float | None, seconds: float) -> bool:
    return since is not None and monotonic() - since >= seconds
