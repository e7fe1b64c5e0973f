"""What shows that Redis serves nobody: it refuses to be reached, or leaves something without a reply for long."""

from time import monotonic

OUTAGE = 1.6


class Absence:
    def __init__(self) -> None:
        self._silent_since: float | None = None
        self._refused_at = 0.0
        self._down_since = monotonic()

    def went_down(self) -> None:
        self._down_since = monotonic()

    def waits(self) -> None:
        """Something has been sent and has no reply yet."""
        if self._silent_since is None:
            self._silent_since = monotonic()

    def heard(self) -> None:
        self._silent_since = None

    def failed(self, begun: float, error: Exception) -> None:
        """An attempt to reach Redis has. A time-out is no sign of it: the silence goes on."""
        if isinstance(error, TimeoutError):
            return
        self._silent_since = None
        if isinstance(error, ConnectionRefusedError) or monotonic() - self._down_since >= OUTAGE:
            self._refused_at = begun

    def is_silent(self) -> bool:
        """For so long that no link can have had an answer in time."""
        return self._silent_since is not None and monotonic() - self._silent_since >= OUTAGE

    def is_proven(self, since: float) -> bool:
        """Whether Redis serves nobody, or an attempt begun after `since` has shown that it is gone."""
        return self._refused_at > since or self.is_silent()
