"""Refusals, 401 and 403, for the audit log: counted in memory and written now and then, never while a caller waits."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from infrastructure.observability.metrics import metrics
from repositories.transaction import Values
from schemas.base_schema import utc_now

MAX_KINDS = 60
"""Kinds of refusals that a worker keeps at a time, and so the entries that it writes at a time."""


class Kind(NamedTuple):
    """Facts that equal refusals share. The caller can choose none of them: `path` is the template of the route."""

    principal: str
    client_id: int | None
    method: str
    path: str
    status: int


class RefusedRequest(NamedTuple):
    kind: Kind
    request_id: str
    caller_request_id: str | None


class Refusals:
    """Refusals since the last `take`. An attacker fills neither memory nor the table with them."""

    def __init__(self) -> None:
        self._firsts: dict[Kind, tuple[datetime, RefusedRequest]] = {}
        self._times: Counter[Kind] = Counter()

    def add(self, refused: RefusedRequest) -> None:
        """Count a refusal. Beyond MAX_KINDS, only the metrics count it."""
        kind = refused.kind
        metrics.refused(kind.status)
        if kind not in self._firsts:
            if len(self._firsts) >= MAX_KINDS:
                metrics.refusals_not_audited(1)
                return
            self._firsts[kind] = utc_now(), refused
        self._times[kind] += 1

    def take(self) -> Sequence[Values]:
        """Return an entry for each kind, with the time and the ids of its first refusal, and begin anew."""
        taken = [
            {
                **kind._asdict(),
                "principal": kind.principal if kind.client_id is None else None,
                "request_id": refused.request_id,
                "caller_request_id": refused.caller_request_id,
                "created_at": first,
                "times": self._times[kind],
            }
            for kind, (first, refused) in self._firsts.items()
        ]
        self._firsts, self._times = {}, Counter()
        return taken
