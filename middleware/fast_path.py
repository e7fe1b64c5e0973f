"""Fast path in front of the router: counts the request and looks for its response in the cache, in one trip to Redis.

A hit costs a fraction of a route, and most requests of a shop are hits. Other requests go on to the router with a
`RequestContext`.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.client_address import Address
from infrastructure.exceptions import RETRY_AFTER_SECONDS, UNAVAILABLE
from infrastructure.observability.log_queue import REQUEST_ID
from infrastructure.observability.tracing import redis_span
from infrastructure.server.http_protocol import IS_OVERLOADED, WRITE_RAW
from middleware.cached_responses import CachedResponses, hit_head, hit_headers, not_modified_headers, route_of_entry
from middleware.client_ip import ClientIpResolver
from middleware.compression import Encoder, Encoders
from middleware.etags import names_etag
from middleware.rate_limiter import Batch, RateLimiter, Ticket
from middleware.raw_response import Headers, json_headers, send_response
from middleware.scope_keys import CONTEXT_HEAD, ENCODER, REQUEST_CONTEXT, ROUTE, STATUS
from services.auth.authenticator import Authenticator
from services.auth.principal import ANONYMOUS, EVERYBODY, Principal, Role
from services.cache_service import note_hit
from services.caching.entries import CacheLookup
from services.context.request_context import RequestContext
from services.exceptions import UnauthorizedError

CREDENTIALS = frozenset((b"authorization", b"x-api-key"))
USED_HEADERS = CREDENTIALS | {
    *(b"x-forwarded-for", b"x-real-ip", b"if-none-match", b"content-length", b"transfer-encoding"),
    b"accept-encoding",
}
UNCOUNTED = ("/health_check", "/metrics", "/payments/webhooks")
LIVENESS = "/health_check/live"  # an overloaded process is alive and must not be restarted

OUTSIDE_NETWORKS = "The API key may not be used from this address"
OVERLOADED = b'{"detail":"%b"}' % UNAVAILABLE.encode()
OVERLOADED_HEADERS = [*json_headers(OVERLOADED), (b"retry-after", RETRY_AFTER_SECONDS.encode())]

UsedHeaders = dict[bytes, bytes]


class FastPath:
    def __init__(
        self,
        app: ASGIApp,
        client_ips: ClientIpResolver,
        limiter: RateLimiter | None,
        responses: CachedResponses | None,
        authenticator: Authenticator | None = None,
        encoders: Encoders | None = None,
    ) -> None:
        """Build the layer. Without an `authenticator` the service is open to everybody; `encoders` compress reads."""
        self.app = app
        self._client_ips = client_ips
        self._limiter = limiter
        self._responses = responses
        self._authenticator = authenticator
        self._encoders = encoders
        self._unidentified = ANONYMOUS if authenticator else EVERYBODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if IS_OVERLOADED in scope and scope["path"] != LIVENESS:
            await send_response(send, 503, OVERLOADED_HEADERS, OVERLOADED)
            return
        headers = _used_headers(scope["headers"])
        is_counted = _is_counted(scope)
        ticket = self._enter(scope, headers) if is_counted else None
        encoder = self._find_encoder(scope, headers) if headers else None
        lookup = self._look_up(scope, headers, encoder)
        if ticket or lookup:
            with redis_span("PIPELINE"):
                while ticket and not ticket[0].pipeline.is_done:  # Batch.arrive without its coroutine
                    await ticket[0].pipeline.wait()
                if lookup and not lookup.pipeline.is_done:
                    await lookup.pipeline.wait()
        principal = self._unidentified
        if self._authenticator and headers and is_counted and not (ticket and ticket[0].refuses(ticket[1])):
            principal, ticket = await self._identify(self._authenticator, scope, headers, ticket)
        batch, place = ticket or (None, 0)
        if batch and batch.refuses(place):
            await send_response(send, 429, *batch.refusal())
        elif lookup is None or lookup.body is None or principal.failure:
            scope[REQUEST_CONTEXT] = RequestContext(principal, REQUEST_ID.get(), lookup)
            if encoder:
                scope[ENCODER] = encoder
            limit_headers = batch.headers(place) if batch else []
            await self.app(scope, receive, _adding(limit_headers, send) if limit_headers else send)
        else:
            await _answer_hit(scope, send, headers, lookup, batch, place)

    async def _identify(
        self, authenticator: Authenticator, scope: Scope, headers: UsedHeaders, ticket: Ticket | None
    ) -> tuple[Principal, Ticket | None]:
        """Return the caller and its place in its own limit. Bad credentials count twice for the address."""
        principal = await authenticator.identify(headers.get(b"x-api-key"), headers.get(b"authorization"))
        if principal.restrictions.networks and not principal.restrictions.admit(self._address_of(scope, headers)):
            principal = Principal(Role.ANONYMOUS, failure=UnauthorizedError(OUTSIDE_NETWORKS))
        if self._limiter is None or ticket is None:
            return principal, ticket
        if isinstance(principal.failure, UnauthorizedError):
            self._limiter.enter(ticket[0].address)
        if not principal.name:
            return principal, ticket
        own = self._limiter.enter(principal.name)
        with redis_span("PIPELINE"):
            await own[0].arrive()
        return principal, own

    def _address_of(self, scope: Scope, headers: UsedHeaders) -> Address | None:
        forwarded, real_ip = headers.get(b"x-forwarded-for", b""), headers.get(b"x-real-ip", b"")
        client = scope.get("client")
        return self._client_ips.find_exact(client[0] if client else None, forwarded, real_ip)

    def _enter(self, scope: Scope, headers: UsedHeaders) -> Ticket | None:
        limiter = self._limiter
        if limiter is None:
            return None
        client = scope.get("client")
        peer = client[0] if client else None
        forwarded, real_ip = headers.get(b"x-forwarded-for"), headers.get(b"x-real-ip")
        if forwarded or real_ip:
            return limiter.enter(self._client_ips.find(peer, forwarded or b"", real_ip or b""))
        return limiter.enter(self._client_ips.find_direct(peer))

    def _find_encoder(self, scope: Scope, headers: UsedHeaders) -> Encoder | None:
        accepted = headers.get(b"accept-encoding")
        if accepted is None or self._encoders is None or scope["method"] not in ("GET", "HEAD"):
            return None
        return self._encoders.find(accepted)

    def _look_up(self, scope: Scope, headers: UsedHeaders, encoder: Encoder | None) -> CacheLookup | None:
        """Start a lookup for a read without a body; the router knows the size limit of bodies."""
        if self._responses is None or scope["method"] not in ("GET", "HEAD"):
            return None
        if headers and (b"content-length" in headers or b"transfer-encoding" in headers):
            return None
        if encoder is None:
            return self._responses.look_up(scope["path"], scope["query_string"])
        if encoder.is_required:  # the entry may be a plain body
            return None
        return self._responses.look_up(scope["path"], scope["query_string"], encoder.coding)


def _used_headers(headers: list[tuple[bytes, bytes]]) -> UsedHeaders:
    """Return the headers that this layer reads, with repeated ones joined as HTTP allows."""
    used: UsedHeaders = {}
    for name, value in headers:
        if name in USED_HEADERS:
            used[name] = used[name] + b"," + value if name in used else value
    return used


def _is_counted(scope: Scope) -> bool:
    """Return True if the rate limit applies: not for probes, metrics, signed webhooks and CORS preflights."""
    path: str = scope["path"]
    if path.startswith(UNCOUNTED) and (path in UNCOUNTED or path.startswith(tuple(f"{name}/" for name in UNCOUNTED))):
        return False
    return not (scope["method"] == "OPTIONS" and _is_preflight(scope["headers"]))


def _is_preflight(headers: list[tuple[bytes, bytes]]) -> bool:
    return {b"origin", b"access-control-request-method"} <= dict(headers).keys()


async def _answer_hit(
    scope: Scope, send: Send, headers: UsedHeaders, lookup: CacheLookup, batch: Batch | None, place: int
) -> None:
    note_hit(lookup.entry)
    scope[ROUTE] = route_of_entry(lookup.entry)
    known, write_raw = headers.get(b"if-none-match"), scope.get(WRITE_RAW)
    if known and names_etag(known.decode("latin-1"), lookup.etag.decode()):
        limit_headers = batch.headers(place) if batch else []
        await send_response(send, 304, not_modified_headers(lookup) + limit_headers, b"")
    elif write_raw:
        scope[STATUS] = 200
        write_raw(hit_head(lookup) + (batch.head(place) if batch else b"") + scope[CONTEXT_HEAD], lookup.body)
    else:
        limit_headers = batch.headers(place) if batch else []
        await send_response(send, 200, hit_headers(lookup) + limit_headers, lookup.body or b"")


def _adding(headers: Headers, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # A copy: the sender may reuse its message.
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_with_headers
