"""Facts about one request, passed from controllers to services as an argument."""

from collections.abc import Callable
from typing import NamedTuple

from repositories.system.idempotency_repository import RequestKey, StoredResponse
from services.auth.principal import EVERYBODY, Principal
from services.caching.entries import CacheLookup
from services.context.read_routing import CallerReads
from services.exceptions import ServiceError
from services.rendering import ActionResult, Created


class IdempotentRequest(NamedTuple):
    """A request with an `Idempotency-Key`.

    `encode` builds the response to store for an outcome; None means that the outcome is not stored.
    """

    key: RequestKey
    encode: Callable[[Created | ActionResult | ServiceError], StoredResponse | None]


class AuditedRequest(NamedTuple):
    """A request that writes; `status` is that of its success.

    `request_id` is always ours. `caller_request_id` is the one that the caller chose, and that the response has.
    """

    request_id: str
    caller_request_id: str | None
    method: str
    path: str
    status: int


class RequestContext(NamedTuple):
    """`cache_lookup` is a lookup that missed before the request reached the router.

    `reads` chooses the server for reads that may be answered by a replica; None stands for the primary.
    """

    principal: Principal = EVERYBODY
    request_id: str = "-"
    cache_lookup: CacheLookup | None = None
    idempotent: IdempotentRequest | None = None
    audited: AuditedRequest | None = None
    reads: CallerReads | None = None

    def on_primary(self) -> "RequestContext":
        """Return the context for reads that fill the cache: a replica may lack writes that have been answered."""
        return self._replace(reads=None) if self.reads else self


INTERNAL = RequestContext()
"""The service itself, as in periodic tasks."""
